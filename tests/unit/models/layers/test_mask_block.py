import keras
import numpy as np
from numpy.testing import assert_allclose

from models.layers.mask_block import MaskBlock

RNG = np.random.default_rng(0)
V = RNG.normal(size=(4, 5)).astype(np.float32)
X = RNG.normal(size=(4, 3)).astype(np.float32)


def with_random_weights(layer):
    layer(V, X)
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape))
    return {w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w) for w in layer.weights}


def slow(w, v, x):
    """Mask, multiply, map and normalise, a row at a time."""
    out = []
    for n in range(len(v)):
        wide = [max(s, 0.0) for s in v[n] @ w["aggregate/kernel"] + w["aggregate/bias"]]
        mask = wide @ w["project/kernel"] + w["project/bias"]
        h = [sum(mask[i] * x[n, i] * w["hidden/kernel"][i, u] for i in range(3)) for u in range(2)]
        h = (np.array(h) - np.mean(h)) / np.sqrt(np.var(h) + 1e-3)
        out.append(np.maximum(h * w["normalise/gamma"] + w["normalise/beta"], 0.0))
    return np.array(out)


def test_it_is_the_equation():
    layer = MaskBlock(2, ratio=3.0)
    w = with_random_weights(layer)
    assert w["aggregate/kernel"].shape == (5, 9)
    assert_allclose(layer(V, X), slow(w, V, X), rtol=1e-4, atol=1e-5)


def test_the_mask_is_another_for_another_instance():
    layer = MaskBlock(8)
    with_random_weights(layer)
    same_x = np.repeat(X[:1], 4, axis=0)
    assert not np.allclose(layer(V, same_x)[0], layer(V, same_x)[1])


def test_its_config_makes_it_again():
    again = MaskBlock.from_config(MaskBlock(7, 1.5, name="m").get_config())
    assert (again.units, again.ratio, again.name) == (7, 1.5, "m")
