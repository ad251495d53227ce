import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.layers.senet_plus import SqueezeExcitationPlus

RNG = np.random.default_rng(0)
E = RNG.normal(size=(4, 3, 6)).astype(np.float32)


def with_random_weights(layer, e):
    layer(e)
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape))
    return {w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w) for w in layer.weights}


def slow(w, e, groups):
    """Section 3.3: squeeze every group by mean and maximum, excite every number, fuse."""
    out = np.zeros_like(e)
    for n, row in enumerate(e):
        parts = [part for v in row for part in np.split(v, groups)]
        z = np.array([p.mean() for p in parts] + [p.max() for p in parts])
        h = np.maximum(z @ w["squeeze/kernel"] + w["squeeze/bias"], 0.0)
        a = h @ w["excite/kernel"] + w["excite/bias"]
        for i, v in enumerate(row):
            x = v * a[i * len(v) : (i + 1) * len(v)] + v
            x = (x - x.mean()) / np.sqrt(x.var() + 1e-3)
            out[n, i] = x * w["normalise/gamma"] + w["normalise/beta"]
    return out


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_each_number_has_a_weight_of_its_own(groups):
    layer = SqueezeExcitationPlus(groups=groups, reduction=2)
    w = with_random_weights(layer, E)
    assert w["squeeze/kernel"].shape == (6 * groups, 3 * groups)
    assert_allclose(layer(E), slow(w, E, groups), rtol=1e-4, atol=1e-5)


def test_groups_that_do_not_divide_the_width_become_fewer():
    layer = SqueezeExcitationPlus(groups=4)
    w = with_random_weights(layer, E)
    assert_allclose(layer(E), slow(w, E, 3), rtol=1e-4, atol=1e-5)


def test_its_config_makes_it_again():
    config = SqueezeExcitationPlus(4, 5, name="s").get_config()
    again = SqueezeExcitationPlus.from_config(config)
    assert (again.groups, again.reduction, again.name) == (4, 5, "s")
