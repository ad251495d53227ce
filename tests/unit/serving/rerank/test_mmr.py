"""MMR against its own definition, worked out the slow way, and against planted answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.rerank.mmr import mmr
from serving.similarity.scaling import unit_rows


def slow_mmr(log_odds, vectors, k, strength):
    unit = unit_rows(vectors)
    odds = np.exp(log_odds)
    chosen: list[int] = []
    while len(chosen) < min(k, len(odds)):
        rest = [i for i in range(len(odds)) if i not in chosen]
        if not chosen:
            chosen.append(max(rest, key=lambda i: odds[i]))
            continue
        marginal = {
            i: odds[i] * (1 - strength * max(0.0, *(unit[i] @ unit[j] for j in chosen)))
            for i in rest
        }
        chosen.append(max(rest, key=lambda i: marginal[i]))
    return chosen


@given(st.integers(0, 2**32 - 1), st.integers(1, 25), st.integers(1, 12), st.floats(0, 1))
def test_it_chooses_what_the_definition_chooses(seed, n, k, strength):
    rng = np.random.default_rng(seed)
    log_odds, vectors = rng.normal(size=n) * 3, rng.normal(size=(n, 4))
    assert mmr(log_odds, vectors, k, strength).tolist() == slow_mmr(log_odds, vectors, k, strength)


@given(st.integers(0, 2**32 - 1), st.floats(-50, 50))
def test_what_all_have_in_common_does_not_matter(seed, shift):
    rng = np.random.default_rng(seed)
    log_odds, vectors = rng.normal(size=20), rng.normal(size=(20, 3))
    expected = mmr(log_odds, vectors, 8, 0.6)
    assert mmr(log_odds + shift, vectors, 8, 0.6).tolist() == expected.tolist()


@given(st.integers(0, 2**32 - 1), st.integers(21, 60))
def test_what_stands_at_the_far_end_of_the_pool_does_not_matter(seed, n):
    rng = np.random.default_rng(seed)
    log_odds, vectors = rng.normal(size=20), rng.normal(size=(n, 3))
    pool = np.append(log_odds, np.full(n - 20, -40.0))
    assert mmr(pool, vectors, 8).tolist() == mmr(log_odds, vectors[:20], 8).tolist()


@pytest.mark.parametrize(("rival", "expected"), [(0.49, [0, 1]), (0.51, [0, 2])])
def test_a_copy_is_worth_half_at_strength_one_half(rival, expected):
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert mmr(np.log([4.0, 1.0, rival]), vectors, 2, strength=0.5).tolist() == expected


def test_without_strength_it_is_the_sorted_order():
    rng = np.random.default_rng(1)
    log_odds = rng.normal(size=30)
    chosen = mmr(log_odds, rng.normal(size=(30, 4)), 10, strength=0.0)
    assert chosen.tolist() == np.argsort(-log_odds)[:10].tolist()


def test_a_copy_of_the_first_comes_last_when_variety_counts():
    vectors = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [-1.0, 0.2]])
    assert mmr(np.array([1.0, 0.99, 0.5, 0.4]), vectors, 4, strength=1.0)[-1] == 1


def test_equal_relevance_and_no_vectors_worth_the_name_still_give_a_list():
    assert sorted(mmr(np.ones(4), np.zeros((4, 2)), 4).tolist()) == [0, 1, 2, 3]


def test_no_candidates_give_an_empty_list():
    assert mmr(np.empty(0), np.empty((0, 4)), 5).shape == (0,)


def test_a_strength_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"Expected `strength` between 0 and 1. Received: 1.5"):
        mmr(np.ones(2), np.ones((2, 2)), 1, strength=1.5)
