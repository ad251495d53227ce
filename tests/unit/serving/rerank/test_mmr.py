"""MMR against its own definition, worked out the slow way, and against planted answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.rerank.mmr import mmr
from serving.similarity.scaling import min_max, unit_rows


def slow_mmr(relevance, vectors, k, balance):
    unit = unit_rows(vectors)
    scaled = min_max(relevance, -1.0, 1.0)
    chosen: list[int] = []
    while len(chosen) < min(k, len(relevance)):
        rest = [i for i in range(len(relevance)) if i not in chosen]
        if not chosen:
            chosen.append(max(rest, key=lambda i: scaled[i]))
            continue
        marginal = {
            i: balance * scaled[i] - (1 - balance) * max(unit[i] @ unit[j] for j in chosen)
            for i in rest
        }
        chosen.append(max(rest, key=lambda i: marginal[i]))
    return chosen


@given(st.integers(0, 2**32 - 1), st.integers(1, 25), st.integers(1, 12), st.floats(0, 1))
def test_it_chooses_what_the_definition_chooses(seed, n, k, balance):
    rng = np.random.default_rng(seed)
    relevance, vectors = rng.normal(size=n) * 10, rng.normal(size=(n, 4))
    assert mmr(relevance, vectors, k, balance).tolist() == slow_mmr(relevance, vectors, k, balance)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(-50, 50))
def test_the_scale_of_the_relevance_does_not_matter(seed, factor, shift):
    rng = np.random.default_rng(seed)
    relevance, vectors = rng.normal(size=20), rng.normal(size=(20, 3))
    expected = mmr(relevance, vectors, 8, 0.6)
    assert mmr(relevance * factor + shift, vectors, 8, 0.6).tolist() == expected.tolist()


def test_relevance_alone_is_the_sorted_order():
    rng = np.random.default_rng(1)
    relevance = rng.normal(size=30)
    chosen = mmr(relevance, rng.normal(size=(30, 4)), 10, balance=1.0)
    assert chosen.tolist() == np.argsort(-relevance)[:10].tolist()


def test_a_copy_of_the_first_comes_last_when_variety_counts():
    vectors = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [-1.0, 0.2]])
    assert mmr(np.array([1.0, 0.99, 0.5, 0.4]), vectors, 4, balance=0.3)[-1] == 1


def test_equal_relevance_and_no_vectors_worth_the_name_still_give_a_list():
    assert sorted(mmr(np.ones(4), np.zeros((4, 2)), 4).tolist()) == [0, 1, 2, 3]


def test_no_candidates_give_an_empty_list():
    assert mmr(np.empty(0), np.empty((0, 4)), 5).shape == (0,)


def test_a_balance_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"`balance` must be between 0 and 1. Received: 1.5"):
        mmr(np.ones(2), np.ones((2, 2)), 1, balance=1.5)
