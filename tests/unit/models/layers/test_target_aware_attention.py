import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.layers.target_aware_attention import TargetAwareAttention

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(4, 3, 2)).astype(np.float32)
IDS = np.array([[1, 2, 3], [4, 0, 0], [0, 5, 0], [0, 0, 0]])
TARGET = RNG.normal(size=(4, 2)).astype(np.float32)


def slow(p):
    out = np.zeros((4, 2))
    for row in range(4):
        v = TARGET[row] + p[0]
        there = [j for j in range(3) if IDS[row, j]]
        e = [VECTORS[row, j] + p[min(j + 1, len(p) - 1)] for j in there]
        scores = np.array([e_j @ v / np.sqrt(2.0) for e_j in e])
        weights = np.exp(scores) / np.exp(scores).sum()
        for weight, e_j in zip(weights, e, strict=True):
            out[row] += weight * e_j * v
    return out


@pytest.mark.parametrize("positions", [2, 3, 10])
def test_it_is_the_papers_equation(positions):
    layer = TargetAwareAttention(positions)
    layer(VECTORS, IDS, TARGET)
    p = RNG.normal(size=(positions, 2)).astype(np.float32)
    layer.encoding.assign(p)
    assert_allclose(layer(VECTORS, IDS, TARGET), slow(p), rtol=1e-4, atol=1e-5)
