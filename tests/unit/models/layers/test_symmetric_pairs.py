import numpy as np
from numpy.testing import assert_allclose

from models.layers.pairs import PairDots
from models.layers.symmetric_pairs import SymmetricPairs
from tests.support.small_network import randomised

VECTORS = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)


def slow(half, v_i, v_j):
    total = 0.0
    for a in range(4):
        for b in range(4):
            total += v_i[a] * (half[a, b] + half[b, a]) * v_j[b]
    return total


def test_it_is_the_equation():
    layer = SymmetricPairs(name="pairs")
    layer(list(VECTORS))
    halves = randomised(layer)["pairs/halves"]
    expected = [
        [slow(halves[p], VECTORS[i, n], VECTORS[j, n]) for p, (i, j) in enumerate(PAIRS)]
        for n in range(2)
    ]
    assert_allclose(layer(list(VECTORS)), expected, rtol=1e-4, atol=1e-5)


PAIRS = [(0, 1), (0, 2), (1, 2)]


def test_it_makes_no_difference_which_field_comes_first():
    layer = SymmetricPairs(name="pairs")
    both = list(VECTORS[:2])
    layer(both)
    randomised(layer)
    assert_allclose(layer(both), layer(both[::-1]), rtol=1e-5)


def test_it_begins_as_dot_products():
    expected = PairDots()(list(VECTORS))
    assert_allclose(SymmetricPairs()(list(VECTORS)), expected, rtol=1e-5, atol=1e-6)
