"""The DPP against the determinant itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.rerank.dpp import dpp
from serving.similarity.scaling import unit_rows


def kernel(log_odds, vectors, strength):
    alike = strength * unit_rows(vectors) @ unit_rows(vectors).T
    np.fill_diagonal(alike, 1.0)
    quality = np.exp(log_odds / 2)
    return quality[:, None] * alike * quality


def slow_dpp(kernel_matrix, k, window=None):
    chosen: list[int] = []
    while len(chosen) < k:
        recent = chosen if window is None else chosen[-(window - 1) :]
        rest = [i for i in range(len(kernel_matrix)) if i not in chosen]
        volume = {i: np.linalg.det(kernel_matrix[np.ix_([*recent, i], [*recent, i])]) for i in rest}
        chosen.append(max(rest, key=lambda i: volume[i]))
    return chosen


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(6, 14), st.floats(0.05, 1))
def test_each_place_has_the_greatest_determinant(seed, n, strength):
    rng = np.random.default_rng(seed)
    log_odds, vectors = rng.normal(size=n), rng.normal(size=(n, 8))
    expected = slow_dpp(kernel(log_odds, vectors, strength), 6)
    assert dpp(log_odds, vectors, 6, strength).tolist() == expected


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.floats(0.05, 1))
def test_a_window_maximises_the_determinant_of_the_last_places(seed, window, strength):
    rng = np.random.default_rng(seed)
    log_odds, vectors = rng.normal(size=14), rng.normal(size=(14, 8))
    expected = slow_dpp(kernel(log_odds, vectors, strength), 10, window)
    assert dpp(log_odds, vectors, 10, strength, window).tolist() == expected


def test_it_stops_when_the_vectors_have_no_more_directions():
    rng = np.random.default_rng(2)
    assert len(dpp(rng.normal(size=20), rng.normal(size=(20, 3)), 10, 1.0)) == 3


def test_a_window_goes_on_where_the_whole_list_would_stop():
    rng = np.random.default_rng(2)
    chosen = dpp(rng.normal(size=20), rng.normal(size=(20, 3)), 10, 1.0, window=3)
    assert len(set(chosen.tolist())) == 10


def test_of_two_copies_only_the_more_relevant_is_shown():
    vectors = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    assert set(dpp(np.array([0.8, 1.0, 0.1, 0.0]), vectors, 4, 1.0).tolist()) == {1, 2, 3}


def test_without_strength_it_is_the_sorted_order():
    rng = np.random.default_rng(3)
    log_odds = rng.permutation(12).astype(float)
    chosen = dpp(log_odds, rng.normal(size=(12, 16)), 5, strength=0.0)
    assert chosen.tolist() == np.argsort(-log_odds)[:5].tolist()


def test_no_candidates_give_an_empty_list():
    assert dpp(np.empty(0), np.empty((0, 4)), 5).shape == (0,)


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_a_strength_outside_its_range_is_refused(strength):
    with pytest.raises(ValueError, match=r"Expected `strength` between 0 and 1. Received"):
        dpp(np.ones(2), np.ones((2, 2)), 1, strength)


def test_a_window_of_one_is_refused():
    with pytest.raises(ValueError, match=r"`window` must be at least 2 places. Received: 1"):
        dpp(np.ones(2), np.ones((2, 2)), 1, window=1)
