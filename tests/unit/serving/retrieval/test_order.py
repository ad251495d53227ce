"""An order whose beginning is sorted, against one that is sorted whole."""

import numpy as np
import pytest

from serving.retrieval.order import Order, first_by


def whole(scores, mask):
    """Allowed rows in order, by plain tuples."""
    rows = range(min(len(mask), len(scores[0])))
    keys = [(*(-each[row] for each in scores), row) for row in rows]
    return [row for row in sorted(rows, key=keys.__getitem__) if mask[row]]


@pytest.mark.parametrize("allowed", [0.02, 0.5, 1.0])
@pytest.mark.parametrize("head", [0, 1, 7, 40, 1_000])
def test_the_first_are_those_of_the_whole_order_whatever_is_sorted_beforehand(head, allowed):
    rng = np.random.default_rng(head)
    for _ in range(20):
        count = int(rng.integers(1, 60))
        scores = [rng.integers(0, 4, count).astype(float), rng.integers(0, 3, count).astype(float)]
        mask = rng.random(count + int(rng.integers(-1, 2))) < allowed
        order = Order(scores, head)
        for k in (0, 1, 5, 100):
            assert order.first(k, mask).tolist() == whole(scores, mask)[:k]


def test_of_no_rows_none_are_first():
    assert Order([np.empty(0)]).first(3, np.empty(0, bool)).tolist() == []
    assert first_by([np.empty(0), np.empty(0)], 5).tolist() == []
