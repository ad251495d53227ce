"""The embedded log: offsets, partitions, durability, retention."""

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millstream.embedded.log import EmbeddedLog, NewRecord, TopicFile
from millstream.errors import LogUnavailable
from millstream.topics import INTERACTIONS, ITEMS, SNAPSHOTS, Topic
from simulation.broker import partition_of

SMALL = Topic("small", 3, "user_id", "bytes", retention_s=100)
TABLE = Topic("table", 2, "item_id", "bytes", "compact", None)


def record(value, key=b"k", time_ms=0, **fields):
    return NewRecord(key, value, time_ms, **fields)


@pytest.fixture
def file(tmp_path):
    found = TopicFile(tmp_path, SMALL)
    yield found
    found.close()


def values(file, partition=0, offset=0, limit=100):
    return [each.value for each in file.read(partition, offset, limit)]


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.binary(max_size=4)), max_size=5)))
def test_each_partition_is_what_was_appended_to_it_in_order(tmp_path_factory, batches):
    file = TopicFile(tmp_path_factory.mktemp("log"), SMALL)
    expected = {n: [] for n in range(3)}
    for batch in batches:
        places = file.append([record(value, partition=number) for number, value in batch])
        for (number, value), place in zip(batch, places, strict=True):
            assert place == (number, len(expected[number]))
            expected[number].append(value)
    assert file.ends() == {n: len(held) for n, held in expected.items()}
    for number, held in expected.items():
        found = file.read(number, 0, 1_000)
        assert [each.value for each in found] == held
        assert [each.offset for each in found] == list(range(len(held)))
        assert values(file, number, 1, 2) == held[1:3]
    file.close()


def test_a_key_has_the_partition_that_kafka_would_give_it(tmp_path):
    file = TopicFile(tmp_path, INTERACTIONS)
    keys = [f"user-{n}".encode() for n in range(50)]
    places = file.append([record(b"", key=key) for key in keys])
    assert [number for number, _ in places] == [partition_of(key, 16) for key in keys]
    assert file.append([record(b"", key=None)]) == [(0, file.ends()[0] - 1)]
    file.close()


def test_headers_keys_and_times_come_back_as_they_were(file):
    given_record = NewRecord(None, None, 17, 2, (("origin", b"3:4:5"),))
    file.append([given_record])
    (found,) = file.read(2, 0, 1)
    assert found[2:] == (17, None, None, (("origin", b"3:4:5"),))


def test_another_connection_sees_that_something_came(tmp_path, file):
    other = TopicFile(tmp_path, SMALL)
    before = other.version()
    assert other.version() == before
    file.append([record(b"x")])
    assert other.version() != before
    own = file.version()
    file.append([record(b"y")])  # and so does the one that has written it
    assert file.version() != own
    other.close()


def test_a_batch_that_fails_leaves_nothing(file):
    with pytest.raises(LogUnavailable, match=r"small\.sqlite"):
        file.append([record(b"a"), record(b"b", time_ms=None)])
    assert sum(file.ends().values()) == 0
    assert file.append([record(b"c", partition=0)]) == [(0, 0)]


_PROGRAM = """
import sys
from pathlib import Path
from millstream.embedded.log import NewRecord, TopicFile
from tests.unit.millstream.embedded.test_log import SMALL
file = TopicFile(Path(sys.argv[1]), SMALL)
for n in range(10**9):
    file.append([NewRecord(None, b"%d-%d" % (n, part), 0) for part in range(3)])
    print(n, flush=True)
"""


def test_what_was_accepted_before_a_kill_is_there_whole_and_once(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        accepted = -1
        for line in writer.stdout:
            accepted = int(line)
            if accepted >= 20:
                os.kill(writer.pid, signal.SIGKILL)
                break
        accepted = max([accepted, *(int(line) for line in writer.stdout if line.strip())])
    file = TopicFile(tmp_path, SMALL)
    found = values(file, limit=10**6)
    batches = len(found) // 3  # the one that was under way is there as a whole, or not at all
    assert batches in (accepted + 1, accepted + 2)
    assert found == [b"%d-%d" % (n, part) for n in range(batches) for part in range(3)]
    file.close()


def test_an_identity_is_for_ever_and_of_one_log(tmp_path, file):
    again, other = TopicFile(tmp_path, SMALL), TopicFile(tmp_path / "other", SMALL)
    assert again.as_of_now() == file.as_of_now()
    assert other.as_of_now().identity != file.as_of_now().identity
    again.close()
    other.close()


def test_retention_takes_the_oldest_and_offsets_go_on(file):
    file.append([record(b"%d" % n, time_ms=n * 10_000, partition=0) for n in range(20)])
    assert file.tidy(now_s=150.0) == 5  # what is older than 50 s
    assert values(file, limit=2) == [b"5", b"6"]
    assert file.as_of_now().begins == {0: 5, 1: 0, 2: 0}
    assert file.tidy(now_s=1e6) == 15
    assert (file.append([record(b"new", partition=0)]), file.ends()[0]) == ([(0, 20)], 21)
    assert file.as_of_now().begins[0] == 20


def test_a_compacted_topic_keeps_the_last_of_each_key_and_deletions_for_a_day(tmp_path):
    file = TopicFile(tmp_path, TABLE)
    rows = [(b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"c", b"1"), (b"c", None)]
    file.append([record(value, key=key, partition=0) for key, value in rows])
    assert file.tidy(now_s=0.0) == 2
    assert [(r.offset, r.key, r.value) for r in file.whole(0)] == [
        (1, b"b", b"1"),
        (2, b"a", b"2"),
        (4, b"c", None),
    ]
    assert file.tidy(now_s=90_000.0) == 1
    assert [r.key for r in file.whole(0)] == [b"b", b"a"]
    file.close()


def test_the_first_record_of_a_time_is_found(file):
    file.append([record(b"", time_ms=n * 100, partition=1) for n in range(5)])
    assert file.since(1, 150) == (2, 200)
    assert (file.since(1, 401), file.since(0, 0)) == (None, None)


def test_a_log_has_all_topics_in_one_folder(tmp_path):
    log = EmbeddedLog(tmp_path, (ITEMS, SNAPSHOTS))
    log[ITEMS].append([record(b"x")])
    assert log.logs([ITEMS])[ITEMS].ends == {0: 1}
    assert {path.name for path in tmp_path.glob("*.sqlite")} == {"items.sqlite", "snapshots.sqlite"}
    log.close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LogUnavailable, match=r"small\.sqlite"):
        TopicFile(tmp_path / "file", SMALL)
