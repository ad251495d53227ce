import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.layers.cross import Cross, VectorCross

RNG = np.random.default_rng(0)
X0, X = RNG.normal(size=(2, 5, 4)).astype(np.float32)


def with_random_weights(layer):
    layer(X0, X)
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape))
    return {w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w) for w in layer.weights}


def slow_cross(W, b, x0, x):
    """Eq. 1, a row and a component at a time."""
    out = np.zeros_like(x)
    for n in range(len(x)):
        for i in range(x.shape[1]):
            projected = sum(W[j, i] * x[n, j] for j in range(x.shape[1])) + b[i]
            out[n, i] = x0[n, i] * projected + x[n, i]
    return out


def test_it_is_the_equation():
    layer = Cross()
    w = with_random_weights(layer)
    expected = slow_cross(w["kernel/kernel"], w["kernel/bias"], X0, X)
    assert_allclose(layer(X0, X), expected, atol=1e-5)


def test_a_rank_makes_the_matrix_a_product():
    layer = Cross(rank=2)
    w = with_random_weights(layer)
    assert w["down/kernel"].shape == (4, 2)
    expected = slow_cross(w["down/kernel"] @ w["kernel/kernel"], w["kernel/bias"], X0, X)
    assert_allclose(layer(X0, X), expected, atol=1e-5)


@pytest.mark.parametrize("rank", [None, 2])
def test_its_matrix_is_the_equations_w(rank):
    layer = Cross(rank)
    w = with_random_weights(layer)
    expected = X0 * (X @ layer.matrix().T + w["kernel/bias"]) + X
    assert_allclose(layer(X0, X), expected, atol=1e-5)


def test_the_first_dcn_has_one_weight_for_each_entry():
    layer = VectorCross()
    w = with_random_weights(layer)
    expected = [
        np.outer(x0, x) @ w["weight/kernel"][:, 0] + w["bias"] + x
        for x0, x in zip(X0, X, strict=True)
    ]
    assert_allclose(layer(X0, X), expected, atol=1e-5)


def test_its_config_makes_it_again():
    again = Cross.from_config(Cross(rank=3, name="cross_1").get_config())
    assert (again.rank, again.name) == (3, "cross_1")
