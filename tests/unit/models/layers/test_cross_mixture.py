import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.layers.cross_mixture import CrossMixture
from tests.support.networks import with_random_weights

RNG = np.random.default_rng(0)
X0, X = RNG.normal(size=(2, 5, 4)).astype(np.float32)


@pytest.fixture
def layer():
    layer = CrossMixture(experts=3, rank=2)
    layer(X0, X)
    return layer


def test_it_is_the_equation(layer):
    w = with_random_weights(layer)
    expected = np.zeros_like(X)
    for n, (x0, x) in enumerate(zip(X0, X, strict=True)):
        scores = [x @ w["gate/kernel"][:, k] for k in range(3)]
        gates = np.exp(scores) / np.exp(scores).sum()
        for k in range(3):
            V, C, U = w["down"][k], w["middle"][k].T, w["up"][k].T
            projected = U @ np.tanh(C @ np.tanh(V.T @ x)) + w["bias"]
            expected[n] += gates[k] * x0 * projected
        expected[n] += x
    assert_allclose(layer(X0, X), expected, atol=1e-5)


def test_gates_differ_from_row_to_row_and_sum_to_one(layer):
    with_random_weights(layer)
    gates = keras.ops.convert_to_numpy(layer.gate(X))
    assert gates.shape == (5, 3)
    assert_allclose(gates.sum(axis=1), 1.0, rtol=1e-5)
    assert (gates.std(axis=0) > 0.01).all()


def test_its_matrix_is_what_it_does_near_zero(layer):
    w = with_random_weights(layer)
    small = 1e-3 * X
    crossed = keras.ops.convert_to_numpy(layer(np.ones_like(X), small)) - small - w["bias"]
    assert_allclose(crossed, small @ layer.matrix().T, atol=2e-6)


def test_experts_begin_apart(layer):
    drawn = keras.ops.convert_to_numpy(layer.down)
    assert not np.allclose(drawn[0], drawn[1])


def test_its_config_makes_it_again():
    again = CrossMixture.from_config(CrossMixture(4, 8, name="cross_1").get_config())
    assert (again.experts, again.rank, again.name) == (4, 8, "cross_1")
