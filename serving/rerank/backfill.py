"""Back-fill: a list is never shorter than k while there is something left to show."""

from collections.abc import Sequence

import numpy as np


def backfill(k: int, *choices: Sequence[int] | np.ndarray) -> np.ndarray:
    """The first k different positions of the choices, the better choice first, int64.

    >>> backfill(4, [5, 3], [3, 8], [1, 2])
    array([5, 3, 8, 1])
    """
    joined = np.concatenate([np.empty(0, np.int64), *(np.asarray(c, np.int64) for c in choices)])
    places = np.arange(len(joined))
    first = np.empty(joined.max(initial=-1) + 1, np.int64)
    first[joined[::-1]] = places[::-1]  # backwards: the last write is where each stands first
    return joined[first[joined] == places][:k]
