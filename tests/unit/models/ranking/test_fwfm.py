from itertools import combinations

import keras
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.fm import fm
from models.ranking.fwfm import fwfm
from tests.support.small_network import FIELDS, ROWS, field_vectors, first_order, randomised


def slow_pairs(w):
    """w_0 and the second order: each pair of fields has a strength of its own."""
    total = 2 * [float(w["strengths/bias"][0])]
    r = dict(zip(combinations(range(len(FIELDS)), 2), w["strengths/kernel"][:, 0], strict=True))
    vectors = field_vectors(w)
    for n in range(2):
        for i in range(len(FIELDS)):
            for j in range(i + 1, len(FIELDS)):
                total[n] += vectors[i][n] @ vectors[j][n] * r[i, j]
    return total


def slow_vectors(w):
    """sum_i <v_i, w_F(i)> x_i."""
    total = 0.0
    for field, v in zip(FIELDS, field_vectors(w), strict=True):
        total = total + v @ w[f"first_order.{field.name}/kernel"][:, 0]
    return total


@pytest.mark.parametrize(("linear", "slow"), [("weights", first_order), ("vectors", slow_vectors)])
def test_it_is_the_papers_equation(linear, slow):
    model = fwfm(FIELDS, linear=linear)
    w = randomised(model)
    assert_allclose(model(ROWS)[:, 0], slow_pairs(w) + slow(w), rtol=1e-4, atol=1e-5)


def test_a_new_one_is_a_factorisation_machine():
    keras.utils.set_random_seed(0)
    ours, machine = fwfm(FIELDS), fm(FIELDS)
    strengths = ours.get_layer("strengths")
    assert_array_equal(strengths.kernel, [[1.0]] * 10)
    values = randomised(machine)
    for weight in ours.weights:
        if weight.path in values:
            weight.assign(values[weight.path])
    strengths.bias.assign(values["bias/bias"])
    assert_allclose(ours(ROWS), machine(ROWS), rtol=1e-5)


def test_an_unknown_first_order_is_refused():
    with pytest.raises(ConfigurationError, match="`linear` must be 'weights' or 'vectors'"):
        fwfm(FIELDS, linear="none")  # type: ignore[arg-type]


def test_one_field_is_refused():
    with pytest.raises(ConfigurationError, match="`fields` must be at least two to form pairs"):
        fwfm([Field("user_id", width=4, rows=3)])
