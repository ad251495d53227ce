import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from millstream.errors import ConfigurationError
from models.layers.pairs import PairDots, PairProducts, pair_places

VECTORS = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)
ORDER = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_pairs_come_in_the_order_of_their_fields():
    assert_array_equal(pair_places(4).T, ORDER)


def test_products_are_those_of_every_pair():
    products = PairProducts()(list(VECTORS))
    assert products.shape == (3, 6, 2)
    for p, (i, j) in enumerate(ORDER):
        assert_allclose(products[:, p], VECTORS[i] * VECTORS[j], rtol=1e-6)


def test_dots_are_those_of_every_pair():
    dots = PairDots()(list(VECTORS))
    assert dots.shape == (3, 6)
    for p, (i, j) in enumerate(ORDER):
        expected = [VECTORS[i, n] @ VECTORS[j, n] for n in range(3)]
        assert_allclose(dots[:, p], expected, rtol=1e-5, atol=1e-6)


def test_one_field_has_no_pairs():
    with pytest.raises(ConfigurationError, match=r"at least two to form pairs. Received: 1\."):
        pair_places(1)
