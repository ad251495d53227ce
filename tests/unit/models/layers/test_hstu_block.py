import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.layers.hstu_block import HSTUBlock, buckets

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 4)).astype(np.float32)
SEEN = np.array([[1, 2, 3], [4, 5, 0]])
TIMES = np.array([[5000.0, 4990.0, 1.0], [300.0, 10.0, 0.0]], np.float32)
NOW = np.array([[5100.0], [300.0]], np.float32)


def silu(x):
    return x / (1.0 + np.exp(-x))


def norm(x, w, name):
    z = (x - x.mean()) / np.sqrt(x.var() + 1e-6)
    return z * w[f"{name}/gamma"] + w[f"{name}/beta"]


def slow(x, seen, times, now, w, heads, positions):
    """Entry by entry, as eq. 1 to 3 have it."""
    length, width = x.shape
    inner = np.array([silu(norm(v, w, "norm") @ w["inner/kernel"] + w["inner/bias"]) for v in x])
    u, v, q, k = np.split(inner, 4, axis=1)
    predicted = [now, *times[:-1]]
    out = np.zeros_like(x)
    for m in range(length):
        visible = [j for j in range(m, length) if seen[j]]
        total = np.zeros(width)
        for h in range(heads):
            own = slice(h * width // heads, (h + 1) * width // heads)
            for j in visible:
                gap = max(predicted[m] - times[j], 1.0)
                bias = w["by_distance"][min(j - m, positions - 1)]
                bias += w["by_time"][min(int(np.log(gap) / 0.301), 127)]
                total[own] += silu(q[m, own] @ k[j, own] + bias) / len(visible) * v[j, own]
        gated = norm(total, w, "mixed_norm") * u[m]
        out[m] = x[m] + gated @ w["outer/kernel"] + w["outer/bias"]
    return out


@pytest.mark.parametrize("heads", [1, 2])
def test_a_block_is_the_papers_equation(heads):
    layer = HSTUBlock(heads, positions=2)
    layer(X, SEEN, TIMES, NOW)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.7)
    w = {v.path.partition("/")[2]: keras.ops.convert_to_numpy(v) for v in layer.weights}
    found = keras.ops.convert_to_numpy(layer(X, SEEN, TIMES, NOW))
    for row in range(2):
        expected = slow(
            X[row].astype(np.float64), SEEN[row], TIMES[row], NOW[row, 0], w, heads, positions=2
        )
        there = SEEN[row] != 0
        assert_allclose(found[row][there], expected[there], rtol=1e-3, atol=1e-4)
        assert_array_equal(found[row][~there], 0.0)


def test_without_a_time_of_the_request_it_is_that_of_the_newest_entry():
    ours = keras.ops.convert_to_numpy(buckets(TIMES))
    assert_array_equal(ours, keras.ops.convert_to_numpy(buckets(TIMES, TIMES[:, :1])))
    assert ours[0, 0, 0] == 0
    assert ours[0, 0, 2] == int(np.log(4999.0) / 0.301)
