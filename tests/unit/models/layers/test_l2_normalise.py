import numpy as np
from numpy.testing import assert_allclose

from models.layers.l2_normalise import L2Normalise


def test_vectors_get_length_one_and_keep_their_direction():
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32) * 100
    expected = [row / np.sqrt(sum(v * v for v in row)) for row in x]
    assert_allclose(L2Normalise()(x), expected, atol=1e-5)


def test_zeros_stay_zeros():
    assert_allclose(L2Normalise()(np.zeros((1, 3), np.float32)), [[0.0, 0.0, 0.0]])
