"""Feedback meets its list, exactly once, whenever it comes."""

from math import inf

import msgspec

from stream.ingest.records import TopicPartition
from stream.state.impression_join import LIST_BYTES, Joined, Joins, Standing, Waiting
from stream.state.watermark import CLOCK, Watermark
from tests.support.stream_cases import START, event_entry, impression, interaction

WINDOW_S, GRACE_S = 60.0, 5.0
A, B = TopicPartition("interactions", 0), TopicPartition("interactions", 1)


def joins_of(*impressions, **limits) -> Joins:
    joins = Joins(WINDOW_S, GRACE_S, **limits)
    for offset, each in enumerate(impressions):
        assert joins.open(event_entry(each, 0, offset), passed(), START)
    return joins


def passed(second=-inf, now=-inf) -> Watermark:
    """A watermark at `second` after the start, which has taken over that all is silent at `now`."""
    return Watermark(0.0, {A: START + second, CLOCK: START + now})


def feedback(item="i1", kind="click", request="r1", second=1.0, user="u1"):
    return interaction(second, user, item=item, kind=kind, request_id=request)


def answer_of(joins, said, watermark=None, source=A):
    return joins.answer(said, source, watermark or passed(), START)


def label(answer) -> float:
    assert isinstance(answer, Joined)
    return answer.label


def closed(joins, watermark=None):
    return [
        (each.offset, [shown.item.item_id for shown in each.left])
        for each in joins.close(watermark or passed())
    ]


def test_feedback_gives_the_shown_item_its_label_at_once():
    answer = answer_of(joins_of(impression(0)), feedback())
    assert isinstance(answer, Joined)
    assert (answer.item.item_id, answer.label) == ("i1", 1.0)
    assert answer.item.features == {"item_popularity": 7.0}


def test_a_dislike_is_a_negative_at_once():
    assert label(answer_of(joins_of(impression(0)), feedback(kind="dislike"))) == 0.0


def test_the_first_labelled_feedback_decides():
    joins = joins_of(impression(0))
    assert answer_of(joins, feedback(kind="view")) is Standing.SETTLED
    assert label(answer_of(joins, feedback(kind="click"))) == 1.0
    assert answer_of(joins, feedback(kind="dislike")) is Standing.SETTLED


def test_items_without_feedback_are_negatives_when_the_window_closes():
    joins = joins_of(impression(0))
    answer_of(joins, feedback())
    assert closed(joins, passed(WINDOW_S - 0.1)) == []
    assert closed(joins, passed(WINDOW_S)) == [(0, ["i2"])]
    assert closed(joins, passed(WINDOW_S)) == []


def test_feedback_after_the_window_stands_for_itself():
    joins = joins_of(impression(0))
    closed(joins, passed(WINDOW_S))
    assert answer_of(joins, feedback()) is Standing.ALONE


def test_feedback_on_an_item_that_was_not_shown_stands_for_itself():
    assert answer_of(joins_of(impression(0)), feedback(item="other")) is Standing.ALONE


def test_feedback_without_a_request_stands_for_itself():
    assert answer_of(joins_of(impression(0)), interaction(1)) is Standing.ALONE


def test_feedback_before_its_list_is_not_used_twice():
    joins = joins_of()
    assert answer_of(joins, feedback()) is Standing.ALONE
    joins.open(event_entry(impression(0)), passed(), START)
    assert answer_of(joins, feedback(kind="like")) is Standing.SETTLED
    assert closed(joins, passed(WINDOW_S)) == [(0, ["i2"])]


def test_feedback_whose_list_never_comes_is_forgotten():
    joins = joins_of()
    answer_of(joins, feedback())
    closed(joins, passed(now=WINDOW_S + GRACE_S))
    assert joins.answered == {}
    assert joins.taken_changes() == (set(), set(), {"r1"})


def test_lists_of_a_partition_close_in_the_order_of_their_offsets():
    joins = joins_of(impression(100, "r1"), impression(0, "r2"))
    assert closed(joins, passed(WINDOW_S)) == []
    assert [offset for offset, _ in closed(joins, passed(100 + WINDOW_S))] == [0, 1]


def test_the_clock_closes_a_window_when_no_more_events_come():
    joins = joins_of(impression(0))
    assert not joins.has_over(passed(now=WINDOW_S + GRACE_S - 0.1))
    assert joins.has_over(passed(now=WINDOW_S + GRACE_S))
    assert closed(joins, passed(now=WINDOW_S + GRACE_S)) == [(0, ["i1", "i2"])]


def test_what_waits_is_bounded_in_bytes_and_the_oldest_lists_close_early():
    large = [impression(n, f"r{n}", context={"note": "x" * 100_000}) for n in range(3)]
    joins = joins_of(*large, memory_bytes=250_000)
    assert set(joins.waiting) == {"r1", "r2"}
    assert joins.size_bytes <= 250_000
    (early,) = joins.close(passed())
    assert (early.offset, early.reason, early.event_time) == (0, "memory", START)


def test_feedback_on_a_list_that_was_closed_early_leaves_it_the_negatives_it_had():
    lists = [impression(n, f"r{n}") for n in range(2)]
    joins = joins_of(*lists, memory_bytes=LIST_BYTES)
    assert answer_of(joins, feedback(request="r0")) is Standing.ALONE
    assert closed(joins) == [(0, ["i1", "i2"])]


def test_feedback_whose_list_never_comes_is_bounded_too():
    joins = joins_of(memory_bytes=100_000)
    for n in range(10_000):
        answer_of(joins, feedback(request=f"r{n}"))
        answer_of(joins, feedback(request="one", item=f"i{n}"))
    assert joins.size_bytes < 2 * 100_000


def test_nothing_is_left_in_the_count_of_bytes_when_everything_is_closed():
    joins = joins_of(impression(0, "r1"), impression(0, "r2"))
    answer_of(joins, feedback())
    answer_of(joins, feedback(request="early"))
    closed(joins, passed(WINDOW_S, WINDOW_S + GRACE_S))
    assert joins.size_bytes == 0


def test_feedback_of_somebody_else_stands_for_itself_and_the_list_waits_on():
    joins = joins_of(impression(0))
    assert answer_of(joins, feedback(user="bob")) is Standing.ALONE
    assert answer_of(joins, feedback(user="bob", kind="view")) is Standing.ALONE
    assert label(answer_of(joins, feedback())) == 1.0


def test_feedback_of_somebody_else_before_the_list_says_nothing_of_it():
    joins = joins_of()
    answer_of(joins, feedback(user="bob"))
    joins.open(event_entry(impression(0)), passed(), START)
    assert label(answer_of(joins, feedback())) == 1.0


def test_a_list_is_open_to_feedback_by_the_watermark_of_the_feedbacks_own_partition():
    joins, apart = joins_of(impression(0)), passed(WINDOW_S + 100.0)
    apart.observe(B, START + 1.0)
    assert answer_of(joins, feedback(), apart, A) is Standing.ALONE
    assert label(answer_of(joins, feedback(), apart, B)) == 1.0
    assert closed(joins, apart) == []  # it may bring more


def test_feedback_that_comes_after_the_silence_finds_the_list_closed():
    joins = joins_of(impression(0))
    silent = passed(now=WINDOW_S + GRACE_S)
    assert answer_of(joins, feedback(), silent) is Standing.ALONE
    assert closed(joins, silent) == [(0, ["i1", "i2"])]


def test_a_request_id_that_waits_already_is_refused():
    joins = joins_of(impression(0))
    assert not joins.open(event_entry(impression(5, event_id="again")), passed(), START)


def test_open_windows_survive_the_store():
    joins = joins_of(impression(0, "r1"), impression(0, "r2"))
    answer_of(joins, feedback(request="r2"))
    answer_of(joins, feedback(request="early"))
    opened, answered, _ = joins.taken_changes()
    assert (opened, answered) == ({"r1", "r2"}, {"r2", "early"})

    stored = {request: msgspec.msgpack.encode(joins.waiting[request]) for request in opened}
    kept = {r: msgspec.msgpack.decode(value, type=Waiting) for r, value in stored.items()}
    again = Joins(WINDOW_S, GRACE_S)
    again.restore(kept, {"r2": ["i1"], "early": ["i1"]}, START)
    assert closed(again, passed(WINDOW_S)) == [(0, ["i1", "i2"]), (1, ["i2"])]
    closed(again, passed(now=WINDOW_S + GRACE_S))
    assert again.answered == {}
