"""Partitions are worked on in step, by event time."""

from hypothesis import given
from hypothesis import strategies as st

from stream.ingest.alignment import Intake
from stream.ingest.records import Source
from tests.support.stream_cases import START, entry, impression, interaction, item_upsert

CAUGHT_UP, BEHIND = False, True
A, B = Source("interactions", 0), Source("interactions", 1)


def entries(seconds, partition=0, first_offset=0):
    return [
        entry(interaction(second), partition, first_offset + place)
        for place, second in enumerate(seconds)
    ]


def seconds_of(taken):
    return [each.event.event_time - START for each in taken]


def intake_of(*sources, behind=(), max_idle_s=30.0) -> Intake:
    intake = Intake(max_idle_s)
    intake.assign({source: source in behind for source in sources}, 0.0)
    return intake


def test_the_oldest_event_of_all_partitions_goes_first():
    intake = intake_of(A, B)
    intake.put(A, entries([1, 4, 5]), CAUGHT_UP, 0.0)
    intake.put(B, entries([2, 3, 6], 1), CAUGHT_UP, 0.0)
    assert seconds_of(intake.take(100, 0.0)) == [1, 2, 3, 4, 5, 6]


@given(
    st.lists(st.integers(0, 20), max_size=20),
    st.lists(st.integers(0, 20), max_size=20),
    st.integers(1, 7),
)
def test_each_partition_keeps_its_order_and_nothing_is_lost(first, second, limit):
    intake = intake_of(A, B)
    intake.put(A, entries(first), CAUGHT_UP, 0.0)
    intake.put(B, entries(second, 1), CAUGHT_UP, 0.0)
    taken = []
    while batch := intake.take(limit, 0.0):
        taken += batch
    for source, count in ((A, len(first)), (B, len(second))):
        assert [e.offset for e in taken if e.source == source] == list(range(count))


def test_one_late_event_does_not_hold_up_its_own_partition():
    intake = intake_of(A, B)
    intake.put(A, entries([5, 1, 6]), CAUGHT_UP, 0.0)
    intake.put(B, entries([3], 1), CAUGHT_UP, 0.0)
    assert seconds_of(intake.take(100, 0.0)) == [3, 5, 1, 6]


def test_a_probe_from_now_does_not_hold_up_a_log_of_long_ago():
    intake = intake_of(A, B)
    probe = entry(interaction(1_000, user="__probe", item="__probe", is_probe=True), 0, 1)
    first, last = entries([1, 3])
    intake.put(A, [first, probe, last], CAUGHT_UP, 0.0)
    intake.put(B, entries([2, 4], 1), CAUGHT_UP, 0.0)
    assert seconds_of(intake.take(100, 0.0)) == [1, 1_000, 2, 3, 4]


def test_a_partition_with_more_on_the_broker_holds_back_what_is_newer_than_its_last():
    intake = intake_of(A, B)
    intake.put(A, entries([1, 5, 9]), CAUGHT_UP, 0.0)
    intake.put(B, entries([4], 1), BEHIND, 0.0)
    assert seconds_of(intake.take(100, 0.0)) == [1, 4]
    intake.put(B, entries([6], 1, 1), CAUGHT_UP, 0.1)
    assert seconds_of(intake.take(100, 0.1)) == [5, 6, 9]


def test_a_partition_that_has_not_been_read_yet_holds_back_everything():
    intake = intake_of(A, B, behind=[A, B])
    intake.put(A, entries([1, 2]), CAUGHT_UP, 0.0)
    assert intake.take(100, 29.0) == []
    intake.put(B, entries([0], 1), CAUGHT_UP, 29.0)
    assert seconds_of(intake.take(100, 29.0)) == [0, 1, 2]


def test_a_partition_that_cannot_be_read_holds_back_the_others_only_for_a_while():
    intake = intake_of(A, B, behind=[A, B])
    intake.put(A, entries([1, 2]), CAUGHT_UP, 0.0)
    assert seconds_of(intake.take(100, 30.0)) == [1, 2]
    intake.put(A, entries([3], 0, 2), CAUGHT_UP, 30.0)
    assert seconds_of(intake.take(100, 30.0)) == [3]


def test_the_catalogue_goes_first_and_waits_for_nobody():
    items = Source("items", 0)
    intake = intake_of(A, items)
    intake.put(A, entries([1]), CAUGHT_UP, 0.0)
    intake.put(items, [entry(item_upsert(1e5))], BEHIND, 0.0)
    assert seconds_of(intake.take(1, 0.0)) == [1e5]
    assert seconds_of(intake.take(1, 0.0)) == [1]


def test_a_list_goes_before_feedback_of_the_same_time():
    lists = Source("impressions", 0)
    intake = intake_of(A, lists)
    intake.put(A, entries([1]), CAUGHT_UP, 0.0)
    intake.put(lists, [entry(impression(1))], CAUGHT_UP, 0.0)
    assert [each.source for each in intake.take(2, 0.0)] == [lists, A]


def test_what_was_refused_keeps_its_place():
    intake = intake_of(A)
    intake.put(A, [*entries([1]), entry(b"{", 0, 1), *entries([2], 0, 2)], CAUGHT_UP, 0.0)
    assert len(intake.take(100, 0.0)) == 3


def test_partitions_of_others_are_left_out_and_assigning_begins_anew():
    intake = intake_of(A)
    intake.put(B, entries([1], 1), CAUGHT_UP, 0.0)
    intake.put(A, entries([1]), CAUGHT_UP, 0.0)
    intake.assign({A: False, B: False}, 0.0)
    assert intake.depth(A) == intake.depth(B) == 0
