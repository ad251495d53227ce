"""The catalogue: rows stay, the last word counts, values are those of the features' own code."""

import numpy as np
import pyarrow as pa
import pytest

from features.attributes import item_version
from features.bloom import bits_of
from features.columns import arrays_from_rows
from features.spec import ITEM_ATTRIBUTES, features_of
from millstream.errors import InvalidEvent
from serving.catalogue.catalogue import Catalogue
from serving.catalogue.filters import Filters, Range, allowed, rangeable
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
    assert catalogue.filter_bits(np.array([2499])).tolist() == [list(bits_of("2499"))]


def test_every_column_has_room_for_every_item_before_it_is_counted():
    catalogue = catalogue_of(2500)
    arrays = {name: column.values.head(1).base for name, column in catalogue.columns.items()}
    catalogue.as_of(np.arange(2500), NOW_S)  # what another thread may do at any time
    for name, column in catalogue.columns.items():
        assert column.values.head(1).base is arrays[name], name


def test_filters_leave_what_fulfils_every_condition():
    catalogue = catalogue_of(9)
    catalogue.upsert([upsert("0", categories=["category 0"], hidden=True)])
    catalogue.put(stats(["3", "6"], [5.0, 50.0]))
    filters = Filters(
        categories=["category 0", "category 1"],
        exclude_categories=["category 1"],
        ranges={"popularity": Range(at_least=10.0)},
    )
    assert np.flatnonzero(allowed(catalogue, Filters())).tolist() == list(range(1, 9))
    assert np.flatnonzero(allowed(catalogue, filters)).tolist() == [6]
    assert np.flatnonzero(allowed(catalogue, Filters(ranges={"popularity": Range(at_most=5)})))[
        :3
    ].tolist() == [1, 2, 3]
    assert not allowed(catalogue, filters, exclude=["6", "unknown"]).any()


def test_ranges_are_offered_for_numbers_only():
    names = rangeable(Catalogue())
    assert {"release_year", "popularity", "created_at"} <= set(names)
    assert "title" not in names


def test_titles_that_differ_in_order_and_case_are_the_same():
    catalogue = Catalogue()
    rows = catalogue.upsert(
        [upsert("a", title="The Matrix"), upsert("b", title="MATRIX, the"), upsert("c", title="It")]
    )
    assert catalogue.titles.similarity(0, 1) == 1.0
    assert catalogue.titles.similarity(0, 2) == 0.0
    bands = catalogue.titles.bands(rows)
    assert np.array_equal(bands[0], bands[1])
