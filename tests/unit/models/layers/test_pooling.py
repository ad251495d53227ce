import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.layers.pooling import MaskedMean, MaskedSum

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(4, 3, 2)).astype(np.float32)
IDS = np.array([[1, 2, 3], [4, 0, 0], [0, 5, 0], [0, 0, 0]])


def slow_sum(vectors, ids):
    return np.array(
        [
            sum((v for v, i in zip(vs, is_, strict=True) if i != 0), np.zeros(2))
            for vs, is_ in zip(vectors, ids, strict=True)
        ]
    )


def test_sum_adds_what_is_not_padding():
    assert_allclose(MaskedSum()(VECTORS, IDS), slow_sum(VECTORS, IDS), atol=1e-5)


def test_mean_divides_by_what_is_not_padding():
    counts = np.array([3, 1, 1, 1])[:, None]
    assert_allclose(MaskedMean()(VECTORS, IDS), slow_sum(VECTORS, IDS) / counts, atol=1e-5)


@pytest.mark.parametrize("layer", [MaskedSum, MaskedMean])
def test_what_stands_in_padding_changes_nothing(layer):
    other = np.where((IDS != 0)[..., None], VECTORS, 1e6).astype(np.float32)
    assert_array_equal(layer()(VECTORS, IDS), layer()(other, IDS))
