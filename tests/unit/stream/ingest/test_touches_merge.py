"""Touches of several workers merge by event time: none is lost, doubled or left waiting."""

from dataclasses import replace
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from features.spec import ITEM_STATS
from stream.ingest import touches_merge as module
from stream.ingest.decode import touches_record
from stream.ingest.records import SourceRecord, TopicPartition, TouchesRecord
from stream.ingest.touches_merge import FIRST_S, HOLD_S, TouchesMerge
from stream.outputs.effects import Effects
from stream.outputs.messages import touches_messages
from tests.support.stream_cases import (
    MemoryStream,
    event_entry,
    examples_of,
    feature_rows_of,
    interaction,
    merged,
)

TOUCHED = TopicPartition("touches", 0)


def record(offset, partition, times, more=True, first=0, by=None) -> TouchesRecord:
    """Touches of one partition of users, at `times`, whose offsets grow from `first`."""
    table = pa.table(
        {
            "source_partition": [partition] * len(times),
            "source_offset": list(range(first, first + len(times))),
            "event_time": [float(time) for time in times],
            "is_probe": [False] * len(times),
        }
    )
    return TouchesRecord(TOUCHED, offset, table, "log", by=by or (partition,), has_more=more)


def merge_of(partitions=2) -> TouchesMerge:
    merge = TouchesMerge()
    merge.begin(partitions)
    return merge


def rows_of(entries):
    names = "source_partition", "source_offset", "event_time"
    return [tuple(row[n] for n in names) for e in entries for row in e.table.to_pylist()]


def times_of(entries):
    return [time for _, _, time in rows_of(entries)]


def test_what_is_newer_than_the_slowest_has_come_waits_for_it():
    merge = merge_of()
    assert merge.through([record(0, 0, [1, 5])], 0.0) == []  # the other one has said nothing yet
    assert times_of(merge.through([record(1, 1, [2, 3])], 0.0)) == [1, 2, 3]
    assert times_of(merge.through([record(2, 1, [4, 6, 9], first=2)], 0.0)) == [4, 5]
    last = merge.through([record(3, 0, [7], more=False, first=2)], 0.0)
    assert times_of(last) == [6, 7, 9]


@pytest.mark.parametrize("seed", range(5))
def test_all_come_once_in_order_and_what_is_read_again_after_a_crash_is_what_waited(seed):
    random, merge = Random(seed), merge_of(3)
    left = {n: sorted(random.sample(range(1_000), 40)) for n in range(3)}
    sent, done, offset = list[TouchesRecord](), list[Any](), 0
    while any(left.values()):
        partition = random.choice([n for n, times in left.items() if times])
        times, left[partition] = left[partition][:7], left[partition][7:]
        first = 33 - len(left[partition]) if left[partition] else 40 - len(times)
        sent.append(record(offset, partition, times, bool(left[partition]), first))
        done += merge.through([sent[-1]], 0.0)
        offset += 1
        if done:
            whole = rows_of(each for each in sent if each.offset <= done[-1].offset)
            assert set(whole) <= set(rows_of(done)) <= set(rows_of(sent))
    assert sorted(rows_of(done)) == sorted(rows_of(sent))
    assert times_of(done) == sorted(times_of(sent))
    assert done[-1].offset == offset - 1


def test_one_that_brings_nothing_holds_back_the_others_for_a_while_only():
    merge = merge_of()
    merge.through([record(0, 0, [1])], 0.0)
    assert merge.through([record(1, 1, [2])], 1.0)
    assert merge.through([record(2, 1, [3], first=1)], HOLD_S - 0.1) == []
    assert times_of(merge.through([], HOLD_S)) == [2, 3]


def test_nothing_waits_for_one_that_has_no_backlog_nor_for_ever_at_first():
    merge = merge_of(3)
    assert times_of(merge.through([record(0, 0, [1], more=False)], 0.0)) == [1]
    merge.begin(3)
    assert merge.through([record(0, 0, [1])], 0.0) == []
    assert times_of(merge.through([record(1, 0, [2], first=1)], FIRST_S)) == [1, 2]


def test_no_more_wait_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 3)
    merge = merge_of()
    found = merge.through([record(0, 1, [0]), record(1, 0, range(1, 9))], 0.0)
    assert times_of(found) == [0, 1, 2, 3, 4, 5]
    assert found[-1].offset == 0


def test_what_may_go_goes_in_turns(monkeypatch):
    monkeypatch.setattr(module, "TURN_ROWS", 3)
    merge = merge_of()
    assert times_of(merge.through([record(0, 0, range(8), more=False)], 0.0)) == [0, 1, 2]
    assert times_of(merge.through([], 0.0)) == [3, 4, 5]
    assert times_of(merge.through([], 0.0)) == [6, 7]


@pytest.mark.parametrize("by", [(), (0, 1)], ids=["an earlier version's", "of one worker"])
def test_touches_of_one_worker_pass_as_they_are_after_what_waited(by):
    merge = merge_of()
    assert merge.through([record(0, 0, [5])], 0.0) == []
    other = record(1, 1, [3, 1])._replace(by=by)
    assert [rows_of([e]) for e in merge.through([other], 0.0)] == [[(0, 0, 5)], rows_of([other])]


def test_partitions_that_another_worker_had_keep_their_order():
    merge = merge_of(3)
    merge.through([record(0, 0, [5, 1, 6], by=(0, 1)), record(1, 2, [0])], 0.0)
    found = merge.through([record(2, 0, [2, 3], first=3, more=False)], 0.0)
    assert rows_of(found)[-3:] == [(0, 2, 6), (0, 3, 2), (0, 4, 3)]


def test_offsets_of_another_log_are_not_mixed_with_those_before():
    merge = merge_of()
    merge.through([record(0, 1, [0]), record(1, 0, [5])], 0.0)
    other = record(2, 1, [1], more=False)._replace(log="other")
    found = merge.through([other], 0.0)
    assert [(e.log, rows_of([e])) for e in found] == [
        ("log", [(0, 0, 5)]),
        ("other", [(1, 0, 1)]),
    ]


def test_what_comes_twice_while_it_waits_comes_once():
    merge = merge_of()
    merge.through([record(0, 1, [0]), record(1, 0, [5, 6]), record(2, 0, [5, 6, 7])], 0.0)
    found = merge.through([record(3, 1, [9], first=1, more=False)], HOLD_S)
    assert rows_of(found) == [(0, 0, 5), (0, 1, 6), (0, 2, 7), (1, 1, 9)]


@pytest.mark.parametrize("crash_at", [None, 2, 5])
def test_items_counted_from_workers_out_of_step_are_those_of_one_fold(crash_at):
    """Two workers, one far ahead; the items' side begins anew in between, from what it wrote."""
    random, rules = Random(3), {"sampled_negatives": 0, "allowed_lateness_s": 1_000.0}
    events = [
        interaction(n, f"u{n % 2}", random.choice("abcd"), event_id=f"e{n}") for n in range(80)
    ]
    records = [event_entry(event, n % 2, n // 2) for n, event in enumerate(events)]
    sent = []
    workers = [MemoryStream(**rules) for _ in range(2)]
    for worker, start in [(0, 0), (0, 10), (0, 20), (1, 0), (1, 10), (0, 30), (1, 20), (1, 30)]:
        own = [r for r in records if r.source.partition == worker][start : start + 10]
        effects = replace(workers[worker].batch(own), by=[worker], has_more=start < 30)
        sent += [message.value for message in touches_messages(effects)]
    values = [SourceRecord(TOUCHED, n, None, value) for n, value in enumerate(sent)]

    items, merge, found, place = MemoryStream(**rules), merge_of(), Effects(), 0
    crashes = {crash_at}
    while place < len(values):
        if place in crashes:
            crashes.clear()
            merge, place = merge_of(), items.memory.positions.get(TOUCHED, 0)
        found = merged(found, items.batch(merge.through([touches_record(values[place])], 0.0)))
        place += 1
    expected = MemoryStream(**rules).run_entries(records)
    assert items.memory.positions[TOUCHED] == len(values)
    assert counts_of(found) == counts_of(expected)
    newest, expected_newest = (
        {row["item_id"]: row["item_events_30d"] for row in feature_rows_of(e, ITEM_STATS.name)}
        for e in (found, expected)
    )
    assert newest == expected_newest


def counts_of(effects):
    return {row["event_id"]: row["item_events_30d"] for row in examples_of(effects)}
