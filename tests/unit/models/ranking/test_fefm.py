import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.fefm import deepfefm, fefm
from models.ranking.fm import fm
from tests.support.small_network import FIELDS, ROWS, field_vectors, first_order, randomised


def slow_pairs(w):
    """v_i^T W_ij v_j of every pair, (2, pairs); W_ij = U_ij + U_ij^T."""
    vectors = field_vectors(w)
    rows = []
    for n in range(2):
        terms, halves = [], iter(w["pairs/halves"])
        for i in range(len(FIELDS)):
            for j in range(i + 1, len(FIELDS)):
                half = next(halves)
                terms.append(vectors[i][n] @ (half + half.T) @ vectors[j][n])
        rows.append(terms)
    return np.array(rows)


def slow_deep(w):
    """The DNN on the vectors and the terms of the pairs."""
    x = np.hstack([*field_vectors(w), slow_pairs(w)])
    for i in range(2):
        x = np.maximum(x @ w[f"deep_{i}/kernel"] + w[f"deep_{i}/bias"], 0.0)
    return (x @ w["logit/kernel"] + w["logit/bias"])[:, 0]


def test_fefm_is_the_papers_equation():
    model = fefm(FIELDS)
    w = randomised(model)
    expected = w["bias/bias"] + first_order(w) + slow_pairs(w).sum(axis=1)
    assert_allclose(model(ROWS)[:, 0], expected, rtol=1e-4, atol=1e-5)


def test_deepfefm_is_the_papers_equation():
    model = deepfefm(FIELDS, hidden=(5, 3))
    w = randomised(model)
    expected = first_order(w) + slow_pairs(w).sum(axis=1) + slow_deep(w)
    assert_allclose(model(ROWS)[:, 0], expected, rtol=1e-4, atol=1e-5)


def test_a_new_one_is_a_factorisation_machine():
    keras.utils.set_random_seed(0)
    ours, machine = fefm(FIELDS), fm(FIELDS)
    values = randomised(machine)
    for weight in ours.weights:
        if weight.path in values:
            weight.assign(values[weight.path])
    assert_allclose(ours(ROWS), machine(ROWS), rtol=1e-5)


@pytest.mark.parametrize("builder", [fefm, deepfefm])
def test_one_field_is_refused(builder):
    with pytest.raises(ConfigurationError, match="`fields` must be at least two to form pairs"):
        builder([Field("user_id", width=4, rows=3)])
