import numpy as np
import pytest
from numpy.testing import assert_array_equal

from models.layers.rows_l2 import RowsL2

X = np.ones((2, 1), np.float32)
TABLE = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("single", "lists", "rows"),
    [
        ([1, 2], [[3, 0], [4, 5]], [1, 2, 3, 4, 5]),
        ([1, 1], [[1, 2], [2, 0]], [1, 2]),
        ([7, 0], [[0, 0], [0, 0]], [7]),
        ([0, 0], [[0, 0], [0, 0]], []),
    ],
)
def test_each_row_of_the_batch_counts_once_and_padding_not_at_all(single, lists, rows):
    ids = [np.array(single), np.array(lists)]
    layer = RowsL2(0.2)
    out = layer(X, [TABLE[i] for i in ids], ids, training=True)
    assert_array_equal(out, X)
    expected = 0.1 * sum(float((TABLE[j] ** 2).sum()) for j in rows)
    assert [float(loss) for loss in layer.losses] == pytest.approx([expected])


def test_there_is_no_loss_when_not_training():
    layer, ids = RowsL2(0.2), np.array([1, 2])
    layer(X, [TABLE[ids]], [ids])
    assert layer.losses == []
