"""Log-odds and centred vectors, against what they are for."""

import numpy as np
import pytest

from serving.similarity.near_duplicates import bucket_pairs, repeats
from serving.similarity.scaling import LOG_ODDS, centred, log_odds, unit_rows
from serving.similarity.simhash import SimHash


def test_log_odds_are_undone_by_the_logistic_function():
    p = np.array([0.01, 0.4, 0.999])
    assert 1 / (1 + np.exp(-log_odds(p))) == pytest.approx(p)


def test_certainty_stays_finite_and_in_order():
    found = log_odds(np.array([0.0, 0.5, 1.0]))
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()


def test_a_cone_tells_nothing_apart_and_its_centre_does():
    rng = np.random.default_rng(6)
    apart = rng.normal(size=(200, 32))
    apart[150] = apart[3] + 1e-3 * rng.normal(size=32)  # a planted copy
    cone = 100.0 + apart
    assert (unit_rows(cone) @ unit_rows(cone).T).min() > 0.995  # by itself all are alike
    vectors = centred(cone)
    pairs = bucket_pairs(SimHash(32)(vectors))
    cosine = np.einsum("ij,ij->i", *map(unit_rows, vectors[pairs.T]))
    assert np.flatnonzero(repeats(pairs[cosine >= 0.995], 200)).tolist() == [150]


def test_what_is_no_vector_stays_none_and_moves_no_other():
    vectors = np.array([[1.0, 0.0], [0.0, 0.0], [3.0, 0.0]])
    assert centred(vectors).tolist() == [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]


def test_vectors_that_are_all_the_same_are_like_nothing():
    vectors = np.full((7, 3), 0.1, np.float32)
    assert not centred(vectors).any()


def test_numbers_are_in_units_of_their_own():
    numbers = np.array([-3.0, 0.5, 12.0])
    assert LOG_ODDS["number"](numbers).tolist() == numbers.tolist()
