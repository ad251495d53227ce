from itertools import combinations

import numpy as np
from numpy.testing import assert_allclose

from models.layers.fm import FactorisationMachine


def test_it_is_the_sum_of_dot_products_over_all_pairs():
    vectors = np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32)
    expected = [sum(a[n] @ b[n] for a, b in combinations(vectors, 2)) for n in range(3)]
    assert_allclose(FactorisationMachine()(list(vectors))[:, 0], expected, atol=1e-5)


def test_one_field_has_no_pairs():
    vector = np.ones((2, 4), np.float32)
    assert_allclose(FactorisationMachine()([vector]), [[0.0], [0.0]])
