"""Back-fill: a list is never shorter than k while there is something left to show."""

from collections.abc import Sequence

import numpy as np


def backfill(k: int, *choices: Sequence[int] | np.ndarray) -> np.ndarray:
    """The first k different values of the choices, the better choice first, int64.

    >>> backfill(4, [5, 3], [3, 8], [1, 2])
    array([5, 3, 8, 1])
    """
    joined = np.concatenate([np.empty(0, np.int64), *(np.asarray(c, np.int64) for c in choices)])
    _, first = np.unique(joined, return_index=True)
    return joined[np.sort(first)[:k]]
