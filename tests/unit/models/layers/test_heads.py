import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.layers.heads import attended

RNG = np.random.default_rng(0)
Q, K, V = RNG.normal(size=(3, 2, 4, 6)).astype(np.float32)
MASK = np.array([[True, True, False, True], [False, True, False, False]])


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize("mask", [None, MASK])
def test_each_head_mixes_values_by_a_softmax_of_its_own(heads, mask):
    expected = np.zeros_like(V)
    for row, head, m in np.ndindex(2, heads, 4):
        own = slice(head * 6 // heads, (head + 1) * 6 // heads)
        seen = [k for k in range(4) if mask is None or mask[row, k]]
        scores = np.exp([Q[row, m, own] @ K[row, k, own] for k in seen])
        expected[row, m, own] = scores / scores.sum() @ V[row, seen, own]
    assert_allclose(attended(Q, K, V, heads, mask), expected, rtol=1e-4, atol=1e-5)


def test_one_entry_attends_to_itself():
    assert_array_equal(attended(Q[:, :1], K[:, :1], V[:, :1], 2), V[:, :1])
