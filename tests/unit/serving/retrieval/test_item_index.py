"""The item index against a sort of everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.retrieval.item_index import ItemIndex
from serving.retrieval.order import top_k


@given(st.lists(st.integers(-5, 5), max_size=30), st.integers(0, 35))
def test_top_is_the_head_of_a_stable_sort(scores, k):
    values = np.array(scores, dtype=np.float32)
    assert top_k(values, k).tolist() == np.argsort(-values, kind="stable")[:k].tolist()


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_a_search_finds_the_greatest_inner_products_of_what_is_there(seed, k):
    rng = np.random.default_rng(seed)
    index, present = ItemIndex(4), {}
    for _ in range(5):  # upserts, replacements and vectors that are none, in any order
        rows = np.unique(rng.integers(0, 3000, size=30))
        vectors = rng.normal(size=(len(rows), 4)).astype(np.float32)
        index.put(rows, vectors)
        present.update(zip(rows.tolist(), vectors, strict=True))
        gone = np.unique(rng.integers(0, 4000, size=10))
        index.put(gone, np.full((len(gone), 4), np.nan))
        present = {row: v for row, v in present.items() if row not in set(gone.tolist())}
    query = rng.normal(size=4).astype(np.float32)
    allowed = rng.random(2500) < 0.7
    expected = sorted(
        (row for row in present if row < 2500 and allowed[row]),
        key=lambda row: -float(present[row] @ query),
    )[:k]
    rows, scores = index.search(query, k, allowed)
    assert scores.tolist() == pytest.approx([float(present[r] @ query) for r in expected], abs=1e-5)
    assert set(rows.tolist()) <= set(present)
    assert len(index) == len(present)


def test_a_new_item_is_found_at_once():
    index = ItemIndex(2)
    index.put(np.array([0, 1]), np.array([[1.0, 0.0], [0.5, 0.0]]))
    index.put(np.array([5000]), np.array([[9.0, 0.0]]))
    assert index.search(np.array([1.0, 0.0]), 3)[0].tolist() == [5000, 0, 1]
    assert index.vectors(np.array([0, 5000, 9999])).tolist() == [[1, 0], [9, 0], [0, 0]]
    assert index.has(np.array([0, 5000, 9999])).tolist() == [True, True, False]


def test_an_empty_index_finds_nothing():
    rows, scores = ItemIndex(3).search(np.ones(3), 5)
    assert len(rows) == len(scores) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite_costs_its_own_row_alone(bad):
    index = ItemIndex(2)
    index.put(np.array([0, 1]), np.array([[1.0, 0.0], [2.0, 0.0]]))
    index.put(np.array([1, 2]), np.array([[bad, 1.0], [3.0, 0.0]]))
    assert index.search(np.array([1.0, 0.0]), 3)[0].tolist() == [2, 0]
    assert (len(index), index.refused) == (2, 1)
    assert index.vectors(np.array([1])).tolist() == [[0, 0]]
    index.put(np.array([1]), np.array([[5.0, 0.0]]))
    assert (len(index), index.refused) == (3, 0)


def test_a_vector_of_another_width_is_refused():
    with pytest.raises(ValueError, match=r"must have shape \(1, 2\). Received: \(1, 3\)"):
        ItemIndex(2).put(np.array([0]), np.ones((1, 3)))


def test_several_queries_find_what_each_finds_by_its_best_product():
    index = ItemIndex(3)
    vectors = np.random.default_rng(4).normal(size=(40, 3)).astype(np.float32)
    index.put(np.arange(40), vectors)
    queries = np.random.default_rng(5).normal(size=(4, 3)).astype(np.float32)
    rows, scores = index.search(queries, 7)
    merged: dict[int, float] = {}
    for query in queries:
        for row, score in zip(*index.search(query, 7), strict=True):
            merged[int(row)] = max(merged.get(int(row), -np.inf), float(score))
    best = sorted(merged, key=merged.__getitem__, reverse=True)[:7]
    assert rows.tolist() == best
    assert scores == pytest.approx([merged[row] for row in best])
