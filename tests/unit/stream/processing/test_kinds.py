"""What the domain says of a kind reaches examples and seen filters."""

import pytest

from features import labels
from features.seen import Mark, entries_of
from millstream.domain.kinds import Kind
from stream.processing import overflow
from tests.support.stream_cases import MemoryStream, examples_of, impression, interaction


def seen(effects):
    """Items for the filters, in their order."""
    return [item for entries in effects.state.filters.get("u1", []) for item in entries.entries]


@pytest.fixture
def clicks_weigh_3(monkeypatch):
    monkeypatch.setitem(labels._KINDS, "click", Kind(label=1, weight=3.0))


def test_an_example_weighs_what_its_kind_does_and_a_negative_1(clicks_weigh_3):
    stream = MemoryStream(sampled_negatives=1)
    stream.run(interaction(0, user="u2", item="i2", kind="view"))
    rows = examples_of(stream.run(interaction(1), interaction(2, kind="like")))
    assert [row["weight"] for row in rows if row["origin"] == "organic"] == [3.0, 1.0]
    assert {row["weight"] for row in rows if row["origin"] == "sampled"} == {1.0}


def test_a_shown_item_weighs_what_its_feedback_does(clicks_weigh_3):
    stream = MemoryStream()
    (row,) = examples_of(stream.run(impression(0), interaction(1, request_id="r1")))
    assert (row["origin"], row["label"], row["weight"]) == ("impression", 1.0, 3.0)


def test_a_positive_weighs_its_value_where_the_domain_says_so(monkeypatch):
    timed = Kind(label_from=5.0, weight=0.5, weight_by_value=True)
    monkeypatch.setitem(labels._KINDS, "rating", timed)
    monkeypatch.setattr(labels, "_FIXED", {})
    stream = MemoryStream()
    watched = [interaction(n, item=f"i{n}", kind="rating", value=30.0 - 28 * n) for n in (0, 1)]
    rows = examples_of(stream.run(*watched))
    assert [(row["label"], row["weight"]) for row in rows] == [(1.0, 15.0), (0.0, 0.5)]
    shown = impression(2), interaction(3, kind="rating", value=8.0, request_id="r1")
    (row,) = [r for r in examples_of(stream.run(*shown)) if r["origin"] == "impression"]
    assert (row["label"], row["weight"]) == (1.0, 4.0)


def test_what_does_not_count_as_seen_goes_into_no_filter(monkeypatch):
    """Where the recent list holds it, too, each seen item goes into the filter at once."""
    monkeypatch.setattr(overflow, "ALWAYS_SEEN_KINDS", {"purchase"})
    monkeypatch.setattr(overflow, "RECENT_ARE_SEEN", False)
    did = (interaction(0), interaction(1, item="i2", kind="purchase"), interaction(2, item="i3"))
    assert seen(MemoryStream().run(*did)) == ["i2"]


def test_a_kind_that_counts_for_a_time_leaves_a_mark_beside_what_others_leave(monkeypatch):
    """In the order of the events, whatever the batches."""
    marks = {"click": (Mark("click", 3_600.0),), "purchase": (Mark("purchase", None),)}
    monkeypatch.setattr(overflow, "MARKS", marks)
    monkeypatch.setattr(overflow, "ALWAYS_SEEN_KINDS", {"purchase"})
    monkeypatch.setattr(overflow, "RECENT_ARE_SEEN", False)
    did = [interaction(0), interaction(1, item="i2", kind="purchase"), interaction(2, kind="view")]
    clicked, bought = (entries_of(e.item_id, e.kind, e.event_time, marks) for e in did[:2])
    assert len(clicked) == len(bought) == 1
    assert seen(MemoryStream().run(*did)) == [*clicked, "i2", *bought]
    one_by_one = MemoryStream()
    assert [e for each in did for e in seen(one_by_one.run(each))] == [*clicked, "i2", *bought]


def test_what_the_recent_list_cannot_hold_is_seen_only_if_its_kind_is(monkeypatch):
    """The list is full of newer items: a late purchase is seen, a late click is not."""
    monkeypatch.setattr(overflow, "ALWAYS_SEEN_KINDS", {"purchase"})
    stream = MemoryStream(allowed_lateness_s=100.0)
    stream.run(*(interaction(50 + n, item=f"n{n}") for n in range(20)))
    late = interaction(1, item="bought", kind="purchase"), interaction(2, item="clicked")
    assert seen(stream.run(*late)) == ["bought"]
