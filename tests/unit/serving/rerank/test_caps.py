"""No group has more than its places, whatever is drawn."""

import numpy as np
import pytest

from serving.rerank.caps import within_cap


@pytest.mark.parametrize("most", [1, 2, 5])
def test_the_first_of_each_group_stay_in_their_order(most):
    rng = np.random.default_rng(most)
    order, groups = rng.permutation(40), rng.integers(0, 6, 40)
    count: dict[int, int] = {}
    expected = []
    for candidate in order.tolist():
        group = int(groups[candidate])
        count[group] = count.get(group, 0) + 1
        expected.append(group == 0 or count[group] <= most)
    assert within_cap(order, groups, most).tolist() == expected


def test_of_no_candidates_none_stays():
    assert within_cap(np.array([], np.int64), np.array([], np.int64), 1).tolist() == []
