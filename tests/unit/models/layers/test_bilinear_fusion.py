import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.layers.bilinear_fusion import BilinearFusion

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 6)).astype(np.float32)
B = RNG.normal(size=(3, 4)).astype(np.float32)


def with_random_weights(layer):
    layer(A, B)
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape))
    return {w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w) for w in layer.weights}


def slow(w, heads):
    """The bilinear form of every head, a product at a time."""
    a, b = 6 // heads, 4 // heads
    out = A @ w["first/kernel"] + w["first/bias"] + B @ w["second/kernel"]
    for n in range(3):
        for k in range(heads):
            for i in range(a):
                for j in range(b):
                    out[n] += A[n, k * a + i] * w[f"kernel_{k}"][i, j] * B[n, k * b + j]
    return out


@pytest.mark.parametrize("heads", [1, 2])
def test_it_is_the_equation(heads):
    layer = BilinearFusion(heads)
    w = with_random_weights(layer)
    assert_allclose(layer(A, B), slow(w, heads), rtol=1e-4, atol=1e-5)


def test_widths_that_heads_do_not_divide_are_cut_as_evenly_as_can_be():
    layer = BilinearFusion(4)
    w = with_random_weights(layer)
    assert sum(w[f"kernel_{k}"].shape[0] for k in range(4)) == 6
    assert {w[f"kernel_{k}"].shape[0] for k in range(4)} == {1, 2}


@pytest.mark.parametrize("heads", [0, 5])
def test_more_heads_than_values_are_refused(heads):
    with pytest.raises(ConfigurationError, match="`heads` must be from 1 to 4"):
        BilinearFusion(heads)(A, B)


def test_its_config_makes_it_again():
    again = BilinearFusion.from_config(BilinearFusion(3, name="f").get_config())
    assert (again.heads, again.name) == (3, "f")
