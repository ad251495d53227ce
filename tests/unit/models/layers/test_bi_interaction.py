from itertools import combinations

import numpy as np
from numpy.testing import assert_allclose

from models.layers.bi_interaction import BiInteraction


def test_it_is_the_sum_of_products_over_all_pairs():
    vectors = np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32)
    expected = np.zeros((3, 4))
    for v_i, v_j in combinations(vectors, 2):
        expected += v_i * v_j
    assert_allclose(BiInteraction()(list(vectors)), expected, atol=1e-5)


def test_one_field_has_no_pairs():
    assert_allclose(BiInteraction()([np.ones((2, 4), np.float32)]), np.zeros((2, 4)))
