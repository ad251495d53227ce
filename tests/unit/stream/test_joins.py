"""Feedback meets its list, exactly once, whenever it comes."""

from math import inf

import msgspec

from stream.joins import Joined, Joins, Standing, Waiting
from tests.support.stream_cases import START, event_entry, impression, interaction

WINDOW_S, GRACE_S = 60.0, 5.0


def joins_of(*impressions, capacity=100) -> Joins:
    joins = Joins(WINDOW_S, GRACE_S, capacity)
    for offset, each in enumerate(impressions):
        assert joins.open(event_entry(each, 0, offset), START)
    return joins


def feedback(item="i1", kind="click", request="r1", second=1.0):
    return interaction(second, item=item, kind=kind, request_id=request)


def label(answer) -> float:
    assert isinstance(answer, Joined)
    return answer.label


def closed(joins, watermark=-inf, now=0.0):
    return [
        (offset, [shown.item.item_id for shown in left])
        for _, offset, left in joins.close(watermark, START + now)
    ]


def test_feedback_gives_the_shown_item_its_label_at_once():
    answer = joins_of(impression(0)).answer(feedback(), START)
    assert isinstance(answer, Joined)
    assert (answer.item.item_id, answer.label) == ("i1", 1.0)
    assert answer.item.features == {"item_popularity": 7.0}


def test_a_dislike_is_a_negative_at_once():
    assert label(joins_of(impression(0)).answer(feedback(kind="dislike"), START)) == 0.0


def test_the_first_labelled_feedback_decides():
    joins = joins_of(impression(0))
    assert joins.answer(feedback(kind="view"), START) is Standing.SETTLED
    assert label(joins.answer(feedback(kind="click"), START)) == 1.0
    assert joins.answer(feedback(kind="dislike"), START) is Standing.SETTLED


def test_items_without_feedback_are_negatives_when_the_window_closes():
    joins = joins_of(impression(0))
    joins.answer(feedback(), START)
    assert closed(joins, START + WINDOW_S - 0.1) == []
    assert closed(joins, START + WINDOW_S) == [(0, ["i2"])]
    assert closed(joins, START + WINDOW_S) == []


def test_feedback_after_the_window_stands_for_itself():
    joins = joins_of(impression(0))
    closed(joins, START + WINDOW_S)
    assert joins.answer(feedback(), START) is Standing.ALONE


def test_feedback_on_an_item_that_was_not_shown_stands_for_itself():
    assert joins_of(impression(0)).answer(feedback(item="other"), START) is Standing.ALONE


def test_feedback_without_a_request_stands_for_itself():
    assert joins_of(impression(0)).answer(interaction(1), START) is Standing.ALONE


def test_feedback_before_its_list_is_not_used_twice():
    joins = joins_of()
    assert joins.answer(feedback(), START) is Standing.ALONE
    joins.open(event_entry(impression(0)), START)
    assert joins.answer(feedback(kind="like"), START) is Standing.SETTLED
    assert closed(joins, START + WINDOW_S) == [(0, ["i2"])]


def test_feedback_whose_list_never_comes_is_forgotten():
    joins = joins_of()
    joins.answer(feedback(), START)
    closed(joins, now=WINDOW_S + GRACE_S)
    assert joins.answered == {}
    assert joins.taken_changes() == (set(), set(), {"r1"})


def test_lists_of_a_partition_close_in_the_order_of_their_offsets():
    joins = joins_of(impression(100, "r1"), impression(0, "r2"))
    assert closed(joins, START + WINDOW_S) == []
    assert [offset for offset, _ in closed(joins, START + 100 + WINDOW_S)] == [0, 1]


def test_the_clock_closes_a_window_when_no_more_events_come():
    joins = joins_of(impression(0))
    assert not joins.has_over(-inf, START + WINDOW_S + GRACE_S - 0.1)
    assert joins.has_over(-inf, START + WINDOW_S + GRACE_S)
    assert closed(joins, now=WINDOW_S + GRACE_S) == [(0, ["i1", "i2"])]


def test_beyond_the_capacity_the_oldest_lists_close_early():
    joins = joins_of(impression(0, "r1"), impression(0, "r2"), impression(0, "r3"), capacity=2)
    assert [offset for offset, _ in closed(joins)] == [0]


def test_a_request_id_that_waits_already_is_refused():
    joins = joins_of(impression(0))
    assert not joins.open(event_entry(impression(5, event_id="again")), START)


def test_open_windows_survive_the_store():
    joins = joins_of(impression(0, "r1"), impression(0, "r2"))
    joins.answer(feedback(request="r2"), START)
    joins.answer(feedback(request="early"), START)
    opened, answered, _ = joins.taken_changes()
    assert (opened, answered) == ({"r1", "r2"}, {"r2", "early"})

    stored = {request: msgspec.msgpack.encode(joins.waiting[request]) for request in opened}
    kept = {r: msgspec.msgpack.decode(value, type=Waiting) for r, value in stored.items()}
    again = Joins(WINDOW_S, GRACE_S)
    again.restore(kept, {"r2": ["i1"], "early": ["i1"]}, START)
    assert closed(again, START + WINDOW_S) == [(0, ["i1", "i2"]), (1, ["i2"])]
    closed(again, now=WINDOW_S + GRACE_S)
    assert again.answered == {}
