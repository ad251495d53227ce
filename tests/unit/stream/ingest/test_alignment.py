"""Partitions are worked on in step, by event time."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from stream.ingest.alignment import Alignment
from stream.ingest.records import TopicPartition, TouchesRecord
from tests.support.stream_cases import START, entry, impression, interaction, item_upsert

CAUGHT_UP, BEHIND = False, True
A, B = TopicPartition("interactions", 0), TopicPartition("interactions", 1)
TOUCHED = TopicPartition("touches", 0)


def entries(seconds, partition=0, first_offset=0):
    return [
        entry(interaction(second), partition, first_offset + place)
        for place, second in enumerate(seconds)
    ]


def seconds_of(taken):
    return [each.event.event_time - START for each in taken]


def intake_of(*sources, behind=(), max_idle_s=30.0) -> Alignment:
    alignment = Alignment(max_idle_s)
    alignment.assign({source: source in behind for source in sources}, 0.0)
    return alignment


def test_the_oldest_event_of_all_partitions_goes_first():
    alignment = intake_of(A, B)
    alignment.put(A, entries([1, 4, 5]), CAUGHT_UP, 0.0)
    alignment.put(B, entries([2, 3, 6], 1), CAUGHT_UP, 0.0)
    assert seconds_of(alignment.take(100, 0.0)) == [1, 2, 3, 4, 5, 6]


@given(
    st.lists(st.integers(0, 20), max_size=20),
    st.lists(st.integers(0, 20), max_size=20),
    st.integers(1, 7),
)
def test_each_partition_keeps_its_order_and_nothing_is_lost(first, second, limit):
    alignment = intake_of(A, B)
    alignment.put(A, entries(first), CAUGHT_UP, 0.0)
    alignment.put(B, entries(second, 1), CAUGHT_UP, 0.0)
    taken = []
    while batch := alignment.take(limit, 0.0):
        taken += batch
    for source, count in ((A, len(first)), (B, len(second))):
        assert [e.offset for e in taken if e.source == source] == list(range(count))


def test_one_late_event_does_not_hold_up_its_own_partition():
    alignment = intake_of(A, B)
    alignment.put(A, entries([5, 1, 6]), CAUGHT_UP, 0.0)
    alignment.put(B, entries([3], 1), CAUGHT_UP, 0.0)
    assert seconds_of(alignment.take(100, 0.0)) == [3, 5, 1, 6]


def test_a_probe_from_now_does_not_hold_up_a_log_of_long_ago():
    alignment = intake_of(A, B)
    probe = entry(interaction(1_000, user="__probe", item="__probe", is_probe=True), 0, 1)
    first, last = entries([1, 3])
    alignment.put(A, [first, probe, last], CAUGHT_UP, 0.0)
    alignment.put(B, entries([2, 4], 1), CAUGHT_UP, 0.0)
    assert seconds_of(alignment.take(100, 0.0)) == [1, 1_000, 2, 3, 4]


def test_a_partition_with_more_on_the_broker_holds_back_what_is_newer_than_its_last():
    alignment = intake_of(A, B)
    alignment.put(A, entries([1, 5, 9]), CAUGHT_UP, 0.0)
    alignment.put(B, entries([4], 1), BEHIND, 0.0)
    assert seconds_of(alignment.take(100, 0.0)) == [1, 4]
    alignment.put(B, entries([6], 1, 1), CAUGHT_UP, 0.1)
    assert seconds_of(alignment.take(100, 0.1)) == [5, 6, 9]


def test_a_partition_that_has_not_been_read_yet_holds_back_everything():
    alignment = intake_of(A, B, behind=[A, B])
    alignment.put(A, entries([1, 2]), CAUGHT_UP, 0.0)
    assert alignment.take(100, 29.0) == []
    alignment.put(B, entries([0], 1), CAUGHT_UP, 29.0)
    assert seconds_of(alignment.take(100, 29.0)) == [0, 1, 2]


def test_a_partition_that_cannot_be_read_holds_back_the_others_only_for_a_while():
    alignment = intake_of(A, B, behind=[A, B])
    alignment.put(A, entries([1, 2]), CAUGHT_UP, 0.0)
    assert seconds_of(alignment.take(100, 30.0)) == [1, 2]
    alignment.put(A, entries([3], 0, 2), CAUGHT_UP, 30.0)
    assert seconds_of(alignment.take(100, 30.0)) == [3]


def test_the_catalogue_goes_first_and_waits_for_nobody():
    items = TopicPartition("items", 0)
    alignment = intake_of(A, items)
    alignment.put(A, entries([1]), CAUGHT_UP, 0.0)
    alignment.put(items, [entry(item_upsert(1e5))], BEHIND, 0.0)
    assert seconds_of(alignment.take(1, 0.0)) == [1e5]
    assert seconds_of(alignment.take(1, 0.0)) == [1]


def test_a_list_goes_before_feedback_of_the_same_time():
    lists = TopicPartition("impressions", 0)
    alignment = intake_of(A, lists)
    alignment.put(A, entries([1]), CAUGHT_UP, 0.0)
    alignment.put(lists, [entry(impression(1))], CAUGHT_UP, 0.0)
    assert [each.source for each in alignment.take(2, 0.0)] == [lists, A]


def test_what_was_refused_keeps_its_place():
    alignment = intake_of(A)
    alignment.put(A, [*entries([1]), entry(b"{", 0, 1), *entries([2], 0, 2)], CAUGHT_UP, 0.0)
    assert len(alignment.take(100, 0.0)) == 3


def test_partitions_of_others_are_left_out_and_assigning_begins_anew():
    alignment = intake_of(A)
    alignment.put(B, entries([1], 1), CAUGHT_UP, 0.0)
    alignment.put(A, entries([1]), CAUGHT_UP, 0.0)
    alignment.assign({A: False, B: False}, 0.0)
    assert alignment.depth(A) == alignment.depth(B) == 0


def touches(offset: int, rows: int) -> TouchesRecord:
    return TouchesRecord(TOUCHED, offset, pa.table({"source_offset": list(range(rows))}))


def test_touches_go_first_and_count_as_their_rows_for_themselves():
    alignment = intake_of(A, TOUCHED)
    alignment.put(A, entries([1, 2, 3, 4]), CAUGHT_UP, 0.0)
    alignment.put(TOUCHED, [touches(n, rows=2) for n in range(3)], CAUGHT_UP, 0.0)
    assert alignment.depth(TOUCHED) == 6
    first = alignment.take(3, 0.0)
    assert [(each.source.topic, each.offset) for each in first] == [
        ("touches", 0),
        ("touches", 1),
        ("interactions", 0),
        ("interactions", 1),
        ("interactions", 2),
    ]
    assert (alignment.depth(TOUCHED), alignment.depth(A)) == (2, 1)
    assert len(alignment.take(3, 0.0)) == 2
    assert alignment.is_read_out(TOUCHED)
