"""The trainer's input and output on the embedded log."""

import pytest

from millstream.clock import FakeClock
from millstream.embedded.log import EmbeddedLog, NewRecord
from millstream.snapshots import Announcement
from millstream.topics import DEAD_LETTERS, EXAMPLES, SNAPSHOTS
from online_trainer.embedded import EmbeddedTrainerLog
from online_trainer.io.outbox import Outbox


@pytest.fixture
def log(tmp_path):
    found = EmbeddedLog(tmp_path, (EXAMPLES, SNAPSHOTS, DEAD_LETTERS))
    yield found
    found.close()


def append(log, *values):
    log[EXAMPLES].append([NewRecord(None, value, 0) for value in values])


def polled(examples, wait_s=0.0):
    return [tuple(message) for message in examples.poll(wait_s)]


def test_messages_come_once_in_order_from_the_position_on(log):
    append(log, b"a", b"b")
    examples = EmbeddedTrainerLog(log).examples(1)
    assert polled(examples) == [(1, b"b")]
    assert polled(examples) == []
    append(log, *(b"%d" % n for n in range(100)))
    found = [message for _ in range(3) for message in polled(examples)]
    assert found == [(2 + n, b"%d" % n) for n in range(100)]
    assert examples.lag == 0


def test_lag_is_what_was_not_polled(log):
    examples = EmbeddedTrainerLog(log).examples(0)
    append(log, *(b"" for _ in range(100)))
    assert len(polled(examples)) == 64
    assert examples.lag == 36


def test_lag_is_known_before_anything_is_polled(log):
    append(log, b"a", b"b", b"c")
    assert EmbeddedTrainerLog(log).examples(1).lag == 2


def test_waiting_ends_when_something_comes(log):
    examples = EmbeddedTrainerLog(log).examples(0)
    assert polled(examples) == []
    append(log, b"a")
    assert polled(examples, wait_s=20.0) == [(0, b"a")]


def test_the_log_is_told_apart_by_its_identity(log):
    now = EmbeddedTrainerLog(log).prepare()
    assert (now.begins, now.ends) == ({0: 0}, {0: 0})
    assert now.identity


def test_what_is_announced_is_found_by_the_next_trainer(log):
    own = EmbeddedTrainerLog(log, FakeClock(5.0))
    assert own.examples(0).announced() == 0
    outbox = Outbox(own.sender())
    for version in (1, 3, 2):
        outbox.announce(
            Announcement(version=version, status="published", kind="full", path="", created_at=1.0)
        )
    outbox.refuse(7, b"bad", "Expected an Arrow IPC stream.", 5.0)
    outbox.close()
    assert own.examples(0).announced() == 3
    (letter,) = log[DEAD_LETTERS].whole(0)
    assert (letter.time_ms, letter.key) == (5_000, b"examples")
