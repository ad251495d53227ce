import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.layers.context_block import ContextBlock

RNG = np.random.default_rng(0)
V = RNG.normal(size=(4, 6)).astype(np.float32)
H = RNG.normal(size=(4, 3, 2)).astype(np.float32)


def with_random_weights(layer):
    layer(V, H)
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape))
    return {w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w) for w in layer.weights}


def slow(w, v, h, kind):
    """A row and a field at a time."""
    out = np.zeros_like(h)
    for n in range(len(v)):
        gathered = np.maximum(v[n] @ w["aggregate/kernel"], 0.0)
        for i in range(3):
            own = w["project/kernel"][:, 2 * i : 2 * i + 2]
            m = h[n, i] * (gathered @ own)
            x = m @ w["inner/kernel"]
            if kind == "pffn":
                x = np.maximum(x, 0.0) @ w["outer/kernel"] + m
            x = (x - x.mean()) / np.sqrt(x.var() + 1e-6)
            out[n, i] = x * w["normalise/gamma"] + w["normalise/beta"]
    return out


@pytest.mark.parametrize("kind", ["pffn", "sffn"])
def test_it_is_the_equation(kind):
    layer = ContextBlock(kind, ratio=1.5)
    w = with_random_weights(layer)
    assert w["aggregate/kernel"].shape == (6, 9)
    assert_allclose(layer(V, H), slow(w, V, H, kind), rtol=1e-4, atol=1e-5)


def test_a_kind_that_is_unknown_is_refused():
    with pytest.raises(ConfigurationError, match="`kind` must be 'pffn' or 'sffn'"):
        ContextBlock("ffn")  # type: ignore[arg-type]


def test_its_config_makes_it_again():
    again = ContextBlock.from_config(ContextBlock("sffn", 3.0, name="c").get_config())
    assert (again.kind, again.ratio, again.name) == ("sffn", 3.0, "c")
