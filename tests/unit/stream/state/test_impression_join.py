"""Feedback meets its list, exactly once, whenever it comes."""

from math import inf

import msgspec

from stream.ingest.records import TopicPartition
from stream.state.impression_join import LIST_BYTES, ImpressionJoin
from stream.state.open_windows import Attribution, OpenWindow
from stream.state.watermark import CLOCK, Watermark
from tests.support.stream_cases import START, event_entry, impression, interaction

WINDOW_S, GRACE_S = 60.0, 5.0
A, B = TopicPartition("interactions", 0), TopicPartition("interactions", 1)


def join_of(*impressions, **limits) -> ImpressionJoin:
    join = ImpressionJoin(WINDOW_S, GRACE_S, **limits)
    for offset, each in enumerate(impressions):
        assert join.open(event_entry(each, 0, offset), passed(), START)
    return join


def passed(second=-inf, now=-inf) -> Watermark:
    """A watermark at `second` after the start, which has taken over that all is silent at `now`."""
    return Watermark(0.0, {A: START + second, CLOCK: START + now})


def feedback(item="i1", kind="click", request="r1", second=1.0, user="u1"):
    return interaction(second, user, item=item, kind=kind, request_id=request)


def attribution_of(join, said, watermark=None, source=A):
    return join.attribute(said, source, watermark or passed(), START)


def label(attribution) -> float:
    assert not isinstance(attribution, Attribution)
    (labelled,) = attribution
    return labelled.label


def closed(join, watermark=None):
    return [
        (each.offset, [shown.item.item_id for shown in each.left])
        for each in join.close(watermark or passed())
    ]


def test_feedback_gives_the_shown_item_its_label_at_once():
    (labelled,) = attribution_of(join_of(impression(0)), feedback())
    assert (labelled.item.item_id, labelled.label, labelled.task) == ("i1", 1.0, 0)
    assert labelled.item.features == {"item_popularity": 7.0}


def test_a_dislike_is_a_negative_at_once():
    assert label(attribution_of(join_of(impression(0)), feedback(kind="dislike"))) == 0.0


def test_the_first_labelled_feedback_decides():
    join = join_of(impression(0))
    assert attribution_of(join, feedback(kind="view")) is Attribution.ALREADY_LABELLED
    assert label(attribution_of(join, feedback(kind="click"))) == 1.0
    assert attribution_of(join, feedback(kind="dislike")) is Attribution.ALREADY_LABELLED


def test_items_without_feedback_are_negatives_when_the_window_closes():
    join = join_of(impression(0))
    attribution_of(join, feedback())
    assert closed(join, passed(WINDOW_S - 0.1)) == []
    assert closed(join, passed(WINDOW_S)) == [(0, ["i2"])]
    assert closed(join, passed(WINDOW_S)) == []


def test_feedback_after_the_window_stands_for_itself():
    join = join_of(impression(0))
    closed(join, passed(WINDOW_S))
    assert attribution_of(join, feedback()) is Attribution.UNATTRIBUTED


def test_feedback_on_an_item_that_was_not_shown_stands_for_itself():
    assert (
        attribution_of(join_of(impression(0)), feedback(item="other")) is Attribution.UNATTRIBUTED
    )


def test_feedback_without_a_request_stands_for_itself():
    assert attribution_of(join_of(impression(0)), interaction(1)) is Attribution.UNATTRIBUTED


def test_feedback_before_its_list_is_not_used_twice():
    join = join_of()
    assert attribution_of(join, feedback()) is Attribution.UNATTRIBUTED
    join.open(event_entry(impression(0)), passed(), START)
    assert attribution_of(join, feedback(kind="like")) is Attribution.ALREADY_LABELLED
    assert closed(join, passed(WINDOW_S)) == [(0, ["i2"])]


def test_feedback_whose_list_never_comes_is_forgotten():
    join = join_of()
    attribution_of(join, feedback())
    closed(join, passed(now=WINDOW_S + GRACE_S))
    assert join.attributed == {}
    assert join.take_changes() == (set(), set(), {"r1"})


def test_lists_of_a_partition_close_in_the_order_of_their_offsets():
    join = join_of(impression(100, "r1"), impression(0, "r2"))
    assert closed(join, passed(WINDOW_S)) == []
    assert [offset for offset, _ in closed(join, passed(100 + WINDOW_S))] == [0, 1]


def test_the_clock_closes_a_window_when_no_more_events_come():
    join = join_of(impression(0))
    assert not join.has_over(passed(now=WINDOW_S + GRACE_S - 0.1))
    assert join.has_over(passed(now=WINDOW_S + GRACE_S))
    assert closed(join, passed(now=WINDOW_S + GRACE_S)) == [(0, ["i1", "i2"])]


def test_what_waits_is_bounded_in_bytes_and_the_oldest_lists_close_early():
    notes = {f"note-{n}": "x" * 1_000 for n in range(50)}
    large = [impression(n, f"r{n}", context=notes) for n in range(3)]
    join = join_of(*large, memory_bytes=130_000)
    assert set(join.open_windows) == {"r1", "r2"}
    assert join.size_bytes <= 130_000
    (early,) = join.close(passed())
    assert (early.offset, early.reason, early.event_time) == (0, "memory", START)


def test_feedback_on_a_list_that_was_closed_early_leaves_it_the_negatives_it_had():
    lists = [impression(n, f"r{n}") for n in range(2)]
    join = join_of(*lists, memory_bytes=LIST_BYTES)
    assert attribution_of(join, feedback(request="r0")) is Attribution.UNATTRIBUTED
    assert closed(join) == [(0, ["i1", "i2"])]


def test_feedback_whose_list_never_comes_is_bounded_too():
    join = join_of(memory_bytes=100_000)
    for n in range(10_000):
        attribution_of(join, feedback(request=f"r{n}"))
        attribution_of(join, feedback(request="one", item=f"i{n}"))
    assert join.size_bytes < 2 * 100_000


def test_nothing_is_left_in_the_count_of_bytes_when_everything_is_closed():
    join = join_of(impression(0, "r1"), impression(0, "r2"))
    attribution_of(join, feedback())
    attribution_of(join, feedback(request="early"))
    closed(join, passed(WINDOW_S, WINDOW_S + GRACE_S))
    assert join.size_bytes == 0


def test_feedback_of_somebody_else_stands_for_itself_and_the_list_waits_on():
    join = join_of(impression(0))
    assert attribution_of(join, feedback(user="bob")) is Attribution.UNATTRIBUTED
    assert attribution_of(join, feedback(user="bob", kind="view")) is Attribution.UNATTRIBUTED
    assert label(attribution_of(join, feedback())) == 1.0


def test_feedback_of_somebody_else_before_the_list_says_nothing_of_it():
    join = join_of()
    attribution_of(join, feedback(user="bob"))
    join.open(event_entry(impression(0)), passed(), START)
    assert label(attribution_of(join, feedback())) == 1.0


def test_a_list_is_open_to_feedback_by_the_watermark_of_the_feedbacks_own_partition():
    join, apart = join_of(impression(0)), passed(WINDOW_S + 100.0)
    apart.observe(B, START + 1.0)
    assert attribution_of(join, feedback(), apart, A) is Attribution.UNATTRIBUTED
    assert label(attribution_of(join, feedback(), apart, B)) == 1.0
    assert closed(join, apart) == []  # it may bring more


def test_feedback_that_comes_after_the_silence_finds_the_list_closed():
    join = join_of(impression(0))
    silent = passed(now=WINDOW_S + GRACE_S)
    assert attribution_of(join, feedback(), silent) is Attribution.UNATTRIBUTED
    assert closed(join, silent) == [(0, ["i1", "i2"])]


def test_a_request_id_that_waits_already_is_refused():
    join = join_of(impression(0))
    assert not join.open(event_entry(impression(5, event_id="again")), passed(), START)


def test_open_windows_survive_the_store():
    join = join_of(impression(0, "r1"), impression(0, "r2"))
    attribution_of(join, feedback(request="r2"))
    attribution_of(join, feedback(request="early"))
    opened, attributed, _ = join.take_changes()
    assert (opened, attributed) == ({"r1", "r2"}, {"r2", "early"})

    stored = {request: msgspec.msgpack.encode(join.open_windows[request]) for request in opened}
    kept = {r: msgspec.msgpack.decode(value, type=OpenWindow) for r, value in stored.items()}
    again = ImpressionJoin(WINDOW_S, GRACE_S)
    answered = {request: join.stored(request) for request in attributed}
    again.restore(kept, answered, START)
    assert again.attributed == join.attributed
    assert again.early["early"].partition == join.early["early"].partition == 0
    assert closed(again, passed(WINDOW_S)) == [(0, ["i1", "i2"]), (1, ["i2"])]
    closed(again, passed(now=WINDOW_S + GRACE_S))
    assert again.attributed == {}
