"""The catalogue: rows stay, the last word counts, values are those of the features' own code."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.attributes import item_version
from features.availability import AvailabilityColumns
from features.bloom import bits_of
from features.columns import arrays_from_rows
from features.spec import ITEM_ATTRIBUTES, ITEM_STATS, features_of
from features.upserts import UpsertVersion
from millstream.errors import InvalidEvent
from serving.catalogue.catalogue import REUSE_AFTER_S, Catalogue
from serving.catalogue.filters import Filters, Range, allowed, choosable, rangeable
from serving.catalogue.growable_array import GrowableArray
from serving.catalogue.titles import Titles
from tests.support.feature_rows import feature_rows
from tests.support.serving_cases import NOW_S, catalogue_of, upsert


def stats(ids, popularity, updated_at=NOW_S):
    return pa.table(
        {
            "item_id": ids,
            "item_updated_at": [updated_at] * len(ids),
            "item_popularity": pa.array(popularity, pa.float32()),
        }
    )


def test_a_row_stays_with_its_item_whatever_comes_later():
    catalogue = Catalogue()
    assert catalogue.upsert([upsert("a"), upsert("b")]).tolist() == [0, 1]
    assert catalogue.put(stats(["c", "a"], [1.0, 2.0])).tolist() == [2, 0]
    assert catalogue.upsert([upsert("b", title="B")]).tolist() == [1]
    assert catalogue.ids == ["a", "b", "c"]
    assert catalogue.rows(["c", "nobody", "a"]).tolist() == [2, 0]


def test_attributes_are_those_that_the_stream_would_store():
    event = upsert("a", title="Title", categories=["X", "Y"], attributes={"release_year": 1977.0})
    catalogue = Catalogue()
    rows = catalogue.upsert([event])
    expected = arrays_from_rows([item_version(event).values], features_of(ITEM_ATTRIBUTES))
    found = catalogue.as_of(rows, NOW_S)
    for name, values in expected.items():
        assert np.array_equal(found[name], values), name
    assert catalogue.raw([0], found)[0]["item_categories"] == ["X", "Y"]
    assert catalogue.raw([0], found)[0]["item_title"] == "Title"


def test_an_upsert_replaces_the_whole_item():
    catalogue = Catalogue()
    catalogue.upsert([upsert("a", title="Old", categories=["X"])])
    rows = catalogue.upsert([upsert("a")])
    (raw,) = catalogue.raw([0], catalogue.as_of(rows, NOW_S))
    assert (raw["item_title"], raw["item_categories"]) == ("", [])


def test_counters_decay_from_the_time_they_were_stored():
    catalogue = Catalogue()
    rows = catalogue.put(stats(["a"], [8.0], updated_at=NOW_S))
    week = 7 * 86_400
    assert catalogue.as_of(rows, NOW_S)["item_popularity"] == pytest.approx([8.0])
    assert catalogue.as_of(rows, NOW_S + week)["item_popularity"] == pytest.approx([4.0])
    assert catalogue.raw([0], catalogue.as_of(rows, NOW_S + week))[0]["item_popularity"] == 4.0


def test_only_changes_of_attributes_count_as_changes():
    catalogue = catalogue_of(3)
    revision = catalogue.revision
    catalogue.put(stats(["1"], [5.0]))
    assert catalogue.changed_since(revision).tolist() == []
    catalogue.upsert([upsert("2", title="new")])
    catalogue.put(stats(["new one"], [5.0]))
    assert catalogue.changed_since(revision).tolist() == [2, 3]


def test_an_attribute_of_the_wrong_type_changes_nothing():
    catalogue = Catalogue()
    with pytest.raises(InvalidEvent, match=r"release_year"):
        catalogue.upsert([upsert("a"), upsert("b", attributes={"release_year": "long ago"})])
    assert len(catalogue) == 0


def test_it_grows_past_its_first_capacity_and_keeps_what_it_has():
    catalogue = catalogue_of(2500)
    assert len(catalogue) == 2500
    found = catalogue.as_of(np.array([0, 2499]), NOW_S)["item_created_at"]
    assert found.tolist() == [NOW_S, NOW_S - 2499]
    assert catalogue.to_be_seen(np.array([2499])).filter_bits.tolist() == [list(bits_of("2499"))]


def test_every_column_has_room_for_every_item_before_it_is_counted():
    catalogue = catalogue_of(2500)
    arrays = {name: column.values.head(1).base for name, column in catalogue.columns.items()}
    catalogue.as_of(np.arange(2500), NOW_S)  # what another thread may do at any time
    for name, column in catalogue.columns.items():
        assert column.values.head(1).base is arrays[name], name


def test_texts_and_lists_of_texts_are_among_those_asked_for():
    catalogue = Catalogue()
    for item, title, groups in (("a", "A", ["x", "y"]), ("b", "B", ["y"]), ("c", "C", [])):
        catalogue.upsert([upsert(item, title=title, categories=groups)])
    for values, expected in (
        ({"title": ["A", "C", "D"]}, "ac"),
        ({"categories": ["x"]}, "a"),
        ({"categories": ["y", "z"]}, "ab"),
        ({"categories": ["y"], "title": ["B"]}, "b"),
        ({"title": []}, ""),
    ):
        rows = np.flatnonzero(allowed(catalogue, Filters(values=values), NOW_S))
        assert "".join(catalogue.ids[row] for row in rows) == expected, values
    assert choosable(catalogue) == []  # none of this domain's is filterable


def test_filters_leave_what_fulfils_every_condition():
    catalogue = catalogue_of(9)
    catalogue.upsert([upsert("0", categories=["category 0"], hidden=True)])
    catalogue.put(stats(["3", "6"], [5.0, 50.0]))
    filters = Filters(
        categories=["category 0", "category 1"],
        exclude_categories=["category 1"],
        ranges={"popularity": Range(at_least=10.0)},
    )
    assert np.flatnonzero(allowed(catalogue, Filters(), NOW_S)).tolist() == list(range(1, 9))
    assert np.flatnonzero(allowed(catalogue, filters, NOW_S)).tolist() == [6]
    assert np.flatnonzero(
        allowed(catalogue, Filters(ranges={"popularity": Range(at_most=5)}), NOW_S)
    )[:3].tolist() == [1, 2, 3]
    assert not allowed(catalogue, filters, NOW_S, exclude=["6", "unknown"]).any()


def test_a_range_of_a_counter_is_compared_as_of_now_not_as_it_was_stored():
    catalogue = catalogue_of(2)
    week_s = 7 * 86_400.0
    catalogue.put(stats(["0", "1"], [8.0, 8.0], updated_at=NOW_S - week_s))  # 4 by now
    catalogue.put(stats(["1"], [8.0], updated_at=NOW_S))
    filters = Filters(ranges={"popularity": Range(at_least=5.0)})
    assert allowed(catalogue, filters, NOW_S).tolist() == [False, True]
    assert allowed(catalogue, filters, NOW_S - week_s).tolist() == [True, True]


UPSERTS = [
    upsert("a", event_time=NOW_S + at, event_id=event_id, title=f"{at} {event_id}", hidden=hidden)
    for at, event_id, hidden in (
        (-5_000.0, "old", True),
        (-5.0, "new", False),
        (-5.0, "newer of the same time", False),
        (-60.0, "between", True),
    )
] + [upsert("b", event_time=NOW_S, event_id="b", categories=["X"], attributes={"release_year": 9})]


@given(st.permutations(UPSERTS), st.integers(1, 5))
def test_whatever_the_order_of_upserts_the_newest_holds(upserts, size):
    catalogue = Catalogue()
    for start in range(0, len(upserts), size):
        catalogue.upsert(upserts[start : start + size])
    rows = catalogue.rows(["a", "b"])
    a, b = catalogue.raw(rows.tolist(), catalogue.as_of(rows, NOW_S))
    assert a["item_title"] == "-5.0 newer of the same time"
    assert (b["item_categories"], b["item_release_year"]) == (["X"], 9.0)
    assert catalogue.shown.all()


@pytest.mark.parametrize(("shows", "shown"), [(False, [True, False]), (True, [True, True])])
def test_an_item_that_is_not_in_the_catalogue_is_shown_only_where_that_is_wanted(shows, shown):
    catalogue = Catalogue(shows_unknown=shows)
    catalogue.upsert([upsert("known")])
    catalogue.put(stats(["clicked", "known"], [5.0, 1.0]))
    assert catalogue.shown.tolist() == shown
    catalogue.upsert([upsert("clicked")])
    assert catalogue.shown.all()


def test_a_number_that_is_none_counts_as_missing():
    catalogue = Catalogue()
    table = {"item_id": ["a"], "item_updated_at": [NOW_S], "item_release_year": [float("nan")]}
    rows = catalogue.put(pa.table(table))
    catalogue.put(stats(["a"], [float("inf")]))
    found = catalogue.as_of(rows, NOW_S)
    assert (found["item_release_year"].tolist(), found["item_popularity"].tolist()) == ([0.0], [0])


def test_a_reader_never_replaces_what_the_writer_writes_to():
    growing = GrowableArray(np.zeros(2, np.float32))
    before = growing.head(1).base
    assert growing.take(np.array([0, 5_000])).tolist() == [[0, 0], [0, 0]]
    assert growing.head(1).base is before


def test_what_follows_in_a_title_without_end_is_not_looked_at():
    texts = ["the same words " * 100 + "and more " * 10_000, "the same words " * 100]
    titles = Titles(texts.__getitem__)
    titles.put(np.array([0, 1]), texts)
    bands = titles.bands(np.array([0, 1]))
    assert np.array_equal(bands[0], bands[1])
    assert titles.similarities(np.array([[0, 1]])).tolist() == [1.0]


def test_ranges_are_offered_for_numbers_only():
    names = rangeable(Catalogue())
    assert {"release_year", "popularity", "created_at"} <= set(names)
    assert "title" not in names


def test_titles_that_differ_in_order_and_case_are_the_same():
    catalogue = Catalogue()
    rows = catalogue.upsert(
        [upsert("a", title="The Matrix"), upsert("b", title="MATRIX, the"), upsert("c", title="It")]
    )
    assert catalogue.titles.similarities(np.array([[0, 1], [0, 2]])).tolist() == [1.0, 0.0]
    assert catalogue.titles.similarities(np.empty((0, 2), np.int64)).tolist() == []
    bands = catalogue.titles.bands(rows)
    assert np.array_equal(bands[0], bands[1])


def version(second):
    return UpsertVersion(NOW_S + second, f"deletion-{second}")


def test_a_deleted_item_is_nowhere_and_its_row_is_anothers_after_a_while():
    catalogue = Catalogue()
    catalogue.upsert([upsert("a", title="Alpha one", categories=["X"]), upsert("b")])
    assert catalogue.delete("a", version(1), NOW_S) == 0
    assert (catalogue.row("a"), catalogue.items, catalogue.item_ids()) == (None, 1, ["b"])
    assert catalogue.shown.tolist() == [False, True]
    (raw,) = catalogue.raw([0], catalogue.as_of(np.array([0]), NOW_S))
    assert (raw["item_title"], raw["item_categories"]) == ("", [])
    assert catalogue.put(stats(["a"], [5.0])).tolist() == []  # late counters bring nothing back
    assert catalogue.upsert([upsert("c")]).tolist() == [2]  # a request may still mean row 0
    catalogue.pass_time(NOW_S + REUSE_AFTER_S)
    assert catalogue.upsert([upsert("d", title="Other")]).tolist() == [0]
    assert (catalogue.ids, catalogue.shown.tolist()) == (["d", "b", "c"], [True] * 3)
    assert catalogue.titles.similarities(np.array([[0, 1]])).tolist() == [0.0]


@given(st.permutations([("up", 1), ("gone", 2), ("up", 3), ("gone", 4), ("up", 4.5), ("gone", 0)]))
def test_upserts_and_deletions_give_the_same_in_any_order(steps):
    catalogue = Catalogue()
    for kind, second in steps:
        if kind == "up":
            catalogue.upsert([upsert("a", event_time=NOW_S + second, title=str(second))])
        else:
            catalogue.delete("a", version(second), NOW_S)
    row = catalogue.row("a")
    assert row is not None and catalogue.columns["item_title"].text(row) == "4.5"
    catalogue.delete("a", version(5), NOW_S)
    catalogue.upsert([upsert("a", event_time=NOW_S + 4.9)])
    assert catalogue.row("a") is None


def test_entries_that_many_items_have_are_kept_once():
    catalogue = Catalogue()
    for item in ("a", "b"):
        catalogue.upsert([upsert(item, categories=["".join(["science", " fiction"])])])
    one, other = catalogue.columns["item_categories"]._texts
    assert one[0] is other[0]


def test_rows_of_counters_change_no_item_for_the_models():
    catalogue = catalogue_of(3)
    revision = catalogue.revision
    catalogue.put(feature_rows(ITEM_STATS, ["1"], [NOW_S]))
    assert catalogue.changed_since(revision).tolist() == []
    catalogue.upsert([upsert("1", event_time=NOW_S + 9, title="new")])
    assert catalogue.changed_since(revision).tolist() == [1]


def test_items_that_come_and_go_leave_a_catalogue_as_large_as_it_was():
    catalogue, now_s, most = Catalogue(), NOW_S, 0
    for turn in range(20):
        now_s += REUSE_AFTER_S
        catalogue.pass_time(now_s)
        ids = [f"{turn}-{n}" for n in range(50)]
        catalogue.upsert([upsert(i, event_time=now_s, title=i, categories=[i]) for i in ids])
        most = max(most, len(catalogue)) if turn < 3 else most
        for item_id in ids:
            catalogue.delete(item_id, UpsertVersion(now_s + 1, "d"), now_s)
    assert len(catalogue) <= most <= 150
    assert catalogue.items == 0
    for kept in catalogue.columns["item_title"]._texts, catalogue._versions._ids:
        assert len(kept) == len(catalogue) and set(kept) == {None}


def test_items_are_shown_within_their_time_and_what_crosses_it_is_told_once():
    """The year stands for a time from which on an item is not there any more."""
    catalogue = Catalogue(availability=AvailabilityColumns(ends="item_release_year"))
    catalogue.upsert([upsert("a", attributes={"release_year": 50.0}), upsert("b")])
    catalogue.upsert([upsert("c", attributes={"release_year": 70.0}, hidden=True)])
    revision = catalogue.revision
    assert catalogue.crossed(49.0).tolist() == [] and catalogue.unavailable == 0
    assert catalogue.available(49.0).tolist() == [True, True, False]
    assert allowed(catalogue, Filters(), 50.0).tolist() == [False, True, False]
    assert catalogue.crossed(50.0).tolist() == [0] and catalogue.unavailable == 1
    assert catalogue.changed_since(revision).tolist() == [0]
    assert catalogue.crossed(51.0).tolist() == []
    catalogue.upsert([upsert("a", attributes={"release_year": 60.0})])
    assert catalogue.available(51.0).tolist() == [True, True, False]
    assert catalogue.crossed(51.0).tolist() == [0] and catalogue.unavailable == 0
    assert catalogue.crossed(80.0).tolist() == [0, 2]
