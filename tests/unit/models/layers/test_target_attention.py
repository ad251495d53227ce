import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.layers.target_attention import TargetAttention

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(4, 3, 2)).astype(np.float32)
IDS = np.array([[1, 2, 3], [4, 0, 0], [0, 5, 0], [0, 0, 0]])
TARGET = RNG.normal(size=(4, 2)).astype(np.float32)


def filled(layer, *args):
    layer(*args)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(np.abs(rng.normal(size=weight.shape)) * 0.5)
    return {v.path.partition("/")[2]: keras.ops.convert_to_numpy(v) for v in layer.weights}


def dice(s, w, name):
    z = (s - w[f"{name}/mean"]) / np.sqrt(w[f"{name}/variance"] + 1e-8)
    p = 1.0 / (1.0 + np.exp(-z))
    return p * s + (1.0 - p) * w[f"{name}/alpha"] * s


def slow(w, hidden):
    out = np.zeros_like(TARGET)
    for row, v in enumerate(TARGET):
        for e, id_ in zip(VECTORS[row], IDS[row], strict=True):
            x = np.concatenate([e, v, e - v, e * v])
            for i in range(hidden):
                x = dice(x @ w[f"unit_{i}/kernel"] + w[f"unit_{i}/bias"], w, f"dice_{i}")
            a = float((x @ w["weight/kernel"] + w["weight/bias"])[0])
            out[row] += (id_ != 0) * a * e
    return out


@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)])
def test_it_is_the_papers_equation(hidden):
    layer = TargetAttention(hidden, name="attention")
    w = filled(layer, VECTORS, IDS, TARGET)
    expected = slow(w, len(hidden))
    assert_allclose(layer(VECTORS, IDS, TARGET), expected, rtol=1e-4, atol=1e-5)


def test_the_strength_of_an_interest_stays():
    layer = TargetAttention((4,))
    filled(layer, VECTORS, IDS, TARGET)
    once, twice = np.array([[1, 0]]), np.array([[1, 1]])
    vectors = np.repeat(VECTORS[:1, :1], 2, axis=1)
    one, two = (layer(vectors, ids, TARGET[:1]) for ids in (once, twice))
    assert_allclose(2 * np.array(one), two, rtol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_what_stands_in_padding_changes_nothing(training):
    other = np.where((IDS != 0)[..., None], VECTORS, 50.0).astype(np.float32)
    outs, moments = [], []
    for vectors in (VECTORS, other):
        layer = TargetAttention((4,), name="attention")
        filled(layer, VECTORS, IDS, TARGET)
        outs.append(np.array(layer(vectors, IDS, TARGET, training=training)))
        moments.append(layer.get_weights())
    assert_allclose(outs[0], outs[1], atol=1e-5)
    for a, b in zip(*moments, strict=True):
        assert_allclose(a, b, atol=1e-5)


def test_it_can_be_saved(tmp_path):
    inputs = [keras.Input((3, 2)), keras.Input((3,), dtype="int64"), keras.Input((2,))]
    model = keras.Model(inputs, TargetAttention((4, 2), name="attention")(*inputs))
    filled(model.layers[-1], VECTORS, IDS, TARGET)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[-1].hidden == (4, 2)
    given = [VECTORS, IDS, TARGET]
    assert_array_equal(model.predict(given, verbose=0), loaded.predict(given, verbose=0))
