import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.layers.transformer import TransformerBlock, TransformerPooling, sinusoids

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(4, 3, 4)).astype(np.float32)
IDS = np.array([[1, 2, 3], [4, 0, 0], [0, 5, 0], [0, 0, 0]])
TARGET = RNG.normal(size=(4, 4)).astype(np.float32)


def filled(layer, *args):
    layer(*args)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    return {v.path.partition("/")[2]: keras.ops.convert_to_numpy(v) for v in layer.weights}


def norm(x, w, name):
    z = (x - x.mean()) / np.sqrt(x.var() + 1e-3)
    return z * w[f"{name}/gamma"] + w[f"{name}/beta"]


def block(x, seen, w, at, heads):
    """One row x (length, width) through attention, head by head, and the feed-forward layer."""
    length, width = x.shape
    attended = np.zeros_like(x)
    for h in range(heads):
        own = slice(h * width // heads, (h + 1) * width // heads)
        q, k, v = (x @ w[f"{at}{part}/kernel"][:, own] for part in ("query", "key", "value"))
        for i in range(length):
            scores = [q[i] @ k[j] / np.sqrt(width / heads) for j in range(length) if seen[j]]
            weights = np.exp(scores) / np.sum(np.exp(scores))
            mixed = sum(a * v[j] for a, j in zip(weights, np.flatnonzero(seen), strict=True))
            attended[i] += mixed @ w[f"{at}joined/kernel"][own]
    y = np.array([norm(x[i] + attended[i], w, f"{at}attended_norm") for i in range(length)])
    inner = np.maximum(y @ w[f"{at}inner/kernel"] + w[f"{at}inner/bias"], 0.0)
    outer = inner @ w[f"{at}outer/kernel"] + w[f"{at}outer/bias"]
    return np.array([norm(y[i] + outer[i], w, f"{at}norm") for i in range(length)])


@pytest.mark.parametrize("heads", [1, 2])
def test_a_block_is_the_papers_equation(heads):
    layer = TransformerBlock(heads)
    w = filled(layer, VECTORS[:3], IDS[:3])
    rows = zip(VECTORS[:3], IDS[:3], strict=True)
    expected = [block(x.astype(np.float64), ids != 0, w, "", heads) for x, ids in rows]
    assert_allclose(layer(VECTORS[:3], IDS[:3]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("blocks", [1, 2])
def test_pooling_gives_the_target_after_the_blocks(blocks):
    layer = TransformerPooling(heads=2, blocks=blocks)
    w = filled(layer, VECTORS, IDS, TARGET)
    expected = []
    for vectors, ids, target in zip(VECTORS, IDS, TARGET, strict=True):
        x = np.vstack([target, vectors]) + [
            [np.sin(p), np.cos(p), np.sin(p / 100.0), np.cos(p / 100.0)] for p in range(4)
        ]
        for i in range(blocks):
            x = block(x, np.array([True, *(ids != 0)]), w, f"block_{i}/", 2)
        expected.append(x[0])
    assert_allclose(layer(VECTORS, IDS, TARGET), expected, rtol=1e-4, atol=1e-5)


def test_the_order_of_entries_matters():
    layer = TransformerPooling()
    filled(layer, VECTORS, IDS, TARGET)
    turned = layer(VECTORS[:1, ::-1], IDS[:1], TARGET[:1])
    assert not np.allclose(layer(VECTORS[:1], IDS[:1], TARGET[:1]), turned)


def test_what_stands_in_padding_changes_nothing():
    layer = TransformerPooling()
    filled(layer, VECTORS, IDS, TARGET)
    other = np.where((IDS != 0)[..., None], VECTORS, 50.0).astype(np.float32)
    assert_allclose(layer(VECTORS, IDS, TARGET), layer(other, IDS, TARGET), atol=1e-6)


@pytest.mark.parametrize(("width", "heads"), [(4, 2), (6, 3), (5, 1)])
def test_as_many_heads_as_divide_the_width(width, heads):
    layer = TransformerBlock(4 if width == 5 else 3)
    layer.build((None, 3, width), (None, 3))
    assert layer.fitting == heads


def test_it_can_be_saved(tmp_path):
    inputs = [keras.Input((3, 4)), keras.Input((3,), dtype="int64"), keras.Input((4,))]
    model = keras.Model(inputs, TransformerPooling(1, 2, name="pooled")(*inputs))
    filled(model.layers[-1], VECTORS, IDS, TARGET)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    given = [VECTORS, IDS, TARGET]
    assert_array_equal(model.predict(given, verbose=0), loaded.predict(given, verbose=0))


def test_positions_of_an_odd_width_end_in_a_sine():
    assert sinusoids(3, 5).shape == (3, 5)
    assert_allclose(sinusoids(3, 5)[:, 4], np.sin(np.arange(3) * 10_000.0**-0.8), rtol=1e-5)
