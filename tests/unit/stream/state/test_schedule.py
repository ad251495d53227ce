"""Items whose availability changes by itself: at their moments, in order, once."""

from features.availability import Span
from stream.state.known_items import KnownItems
from stream.state.schedule import Schedule


def test_a_span_is_due_at_its_beginning_and_at_its_end():
    schedule = Schedule()
    schedule.put("a", Span(10.0, 20.0), now_s=5.0)
    schedule.put("b", Span(0.0, 12.0), now_s=5.0)
    assert not schedule.is_due(9.9) and schedule.due(9.9) == {}
    assert schedule.is_due(10.0) and [*schedule.due(10.0)] == ["a"]
    assert [*schedule.due(15.0)] == ["b"]
    assert [*schedule.due(20.0)] == ["a"]
    assert schedule.due(1e9) == {} and schedule.spans == {}


def test_what_was_changed_is_due_when_it_was_changed_to():
    schedule = Schedule()
    schedule.put("a", Span(0.0, 10.0), 5.0)
    schedule.put("a", Span(0.0, 30.0), 6.0)
    schedule.put("b", Span(0.0, 10.0), 5.0)
    schedule.put("b", Span(), 6.0)  # it stays
    assert schedule.due(29.0) == {}
    assert [*schedule.due(30.0)] == ["a"]


def test_what_is_stored_brings_back_the_same():
    schedule, stored = Schedule(), {}
    for item, span in (("a", Span(10.0, 20.0)), ("b", Span(0.0, 12.0)), ("c", Span(0.0, 40.0))):
        schedule.put(item, span, 5.0)
    for now_s in (6.0, 10.0, 12.0, 25.0):
        restored = Schedule()
        spans, gone = schedule.take_unsaved()
        stored.update(spans)
        for item in gone:
            stored.pop(item, None)
        restored.restore(stored)
        # A beginning that has passed is due once more, and changes nothing.
        assert schedule.due(now_s).items() <= restored.due(now_s).items(), now_s
    assert {*stored} == {"a", "c"}
    spans, gone = schedule.take_unsaved()
    assert (spans, gone) == ({}, ["a"])


def test_an_item_whose_time_is_over_leaves_an_empty_place():
    known = KnownItems()
    for item in "abc":
        known.add(item)
    known.hide("b", hidden=True)
    known.expire(["a", "b", "nobody"])
    assert (known.items, known.holes, known.take_holes()) == (["", "", "c"], 2, [0, 1])
    assert known.eligible == {"c"} and known.hidden == set() and "a" not in known
    known.add("a")
    assert known.items == ["", "", "c", "a"] and "a" in known.eligible
