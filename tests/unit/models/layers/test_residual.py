import numpy as np
from numpy.testing import assert_allclose

from models.layers.residual import ResidualUnit
from tests.support.networks import with_random_weights

X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


def test_it_is_the_equation():
    layer = ResidualUnit(3)
    layer(X)
    w = with_random_weights(layer)
    for n, x in enumerate(X):
        inner = np.maximum(w["first/kernel"].T @ x + w["first/bias"], 0.0)
        expected = np.maximum(x + w["second/kernel"].T @ inner + w["second/bias"], 0.0)
        assert_allclose(layer(X)[n], expected, atol=1e-5)


def test_its_config_makes_it_again():
    assert ResidualUnit.from_config(ResidualUnit(7).get_config()).inner == 7
