"""Lists without a user."""

import numpy as np

from serving.recommend.lists import Lists
from tests.support.serving_cases import Case, upsert


def lists(case):
    return Lists(case.catalogue, case.rankings, lambda: case.model, case.clock)


def ids(found):
    return [item.item_id for item in found.items]


def test_similar_items_are_the_nearest_vectors_without_the_item_itself():
    case = Case(count=10)
    vectors = case.model.retriever.index.vectors(np.arange(10))
    order = np.argsort(-(vectors @ vectors[4]))
    expected = [str(row) for row in order if row != 4][:3]
    found = lists(case).similar("4", 3)
    assert (ids(found), found.degraded, found.model_version) == (expected, (), "7")


def test_without_vectors_similar_is_what_is_popular_in_the_same_categories():
    case = Case(count=10)
    case.model = None
    found = lists(case).similar("4", 5)
    assert ids(found) == ["1", "7"]
    assert found.degraded == ["retriever"]


def test_an_unknown_item_has_nothing_similar():
    assert lists(Case()).similar("unknown", 3) is None


def test_popular_takes_a_category_and_leaves_hidden_items_out():
    case = Case(count=10)
    case.catalogue.upsert([upsert("1", categories=["category 1"], hidden=True)])
    assert ids(lists(case).popular(2)) == ["0", "2"]
    assert ids(lists(case).popular(5, "category 1")) == ["4", "7"]
