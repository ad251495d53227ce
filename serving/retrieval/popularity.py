"""Popularity at this moment: the fast count, backed off to the slow one by evidence."""

import numpy as np

from features.columns import Arrays
from features.spec import POPULARITY, TRENDING

FAST, SLOW = TRENDING, POPULARITY
# So many people the slow count weighs, of all items together.
_PRIOR = 10.0


def popularity_now(features: Arrays) -> np.ndarray:
    """People who liked each item lately, by a Dirichlet prior that is shared as the slow count is.

    Where many have come lately they decide; after a silence the slow order is what is left, and
    between them it breaks ties.

    Args:
        features: of the items, both counts as of now.

    Returns:
        Shape (items,), float64, at least 0.

    >>> popularity_now({FAST: np.array([3.0, 0.0, 0.0]), SLOW: np.array([1.0, 1.0, 2.0])}).tolist()
    [5.5, 2.5, 5.0]
    """
    fast, slow = (np.asarray(features[name], np.float64) for name in (FAST, SLOW))
    return fast + _PRIOR * slow / max(float(slow.sum()), np.finfo(np.float64).tiny)
