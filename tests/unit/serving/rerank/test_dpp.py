"""The DPP against the determinant itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.rerank.dpp import dpp, log_quality
from serving.similarity.scaling import unit_rows


def kernel(relevance, vectors, theta):
    rows = np.exp(log_quality(relevance, theta))[:, None] * unit_rows(vectors)
    return rows @ rows.T


def slow_dpp(kernel_matrix, k, window=None):
    chosen: list[int] = []
    while len(chosen) < k:
        recent = chosen if window is None else chosen[-(window - 1) :]
        rest = [i for i in range(len(kernel_matrix)) if i not in chosen]
        volume = {i: np.linalg.det(kernel_matrix[np.ix_([*recent, i], [*recent, i])]) for i in rest}
        chosen.append(max(rest, key=lambda i: volume[i]))
    return chosen


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(6, 14), st.floats(0.05, 0.9))
def test_each_place_has_the_greatest_determinant(seed, n, theta):
    rng = np.random.default_rng(seed)
    relevance, vectors = rng.normal(size=n), rng.normal(size=(n, 8))
    expected = slow_dpp(kernel(relevance, vectors, theta), 6)
    assert dpp(relevance, vectors, 6, theta).tolist() == expected


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.floats(0.05, 0.9))
def test_a_window_maximises_the_determinant_of_the_last_places(seed, window, theta):
    rng = np.random.default_rng(seed)
    relevance, vectors = rng.normal(size=14), rng.normal(size=(14, 8))
    expected = slow_dpp(kernel(relevance, vectors, theta), 10, window)
    assert dpp(relevance, vectors, 10, theta, window).tolist() == expected


def test_it_stops_when_the_vectors_have_no_more_directions():
    rng = np.random.default_rng(2)
    assert len(dpp(rng.normal(size=20), rng.normal(size=(20, 3)), 10)) == 3


def test_a_window_goes_on_where_the_whole_list_would_stop():
    rng = np.random.default_rng(2)
    chosen = dpp(rng.normal(size=20), rng.normal(size=(20, 3)), 10, window=3)
    assert len(set(chosen.tolist())) == 10


def test_of_two_copies_only_the_more_relevant_is_shown():
    vectors = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    assert set(dpp(np.array([0.8, 1.0, 0.1, 0.0]), vectors, 4).tolist()) == {1, 2, 3}


def test_a_theta_near_one_is_the_sorted_order():
    rng = np.random.default_rng(3)
    relevance = rng.permutation(12).astype(float)
    chosen = dpp(relevance, rng.normal(size=(12, 16)), 5, theta=0.999)
    assert chosen.tolist() == np.argsort(-relevance)[:5].tolist()


def test_no_candidates_give_an_empty_list():
    assert dpp(np.empty(0), np.empty((0, 4)), 5).shape == (0,)


@pytest.mark.parametrize("theta", [-0.1, 1.0])
def test_a_theta_outside_its_range_is_refused(theta):
    with pytest.raises(ValueError, match=r"`theta` must be at least 0 and below 1. Received"):
        dpp(np.ones(2), np.ones((2, 2)), 1, theta)


def test_a_window_of_one_is_refused():
    with pytest.raises(ValueError, match=r"`window` must be at least 2 places. Received: 1"):
        dpp(np.ones(2), np.ones((2, 2)), 1, window=1)
