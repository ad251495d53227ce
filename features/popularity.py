"""Popularity at this moment: the fast count, backed off to the slow one by evidence."""

import numpy as np

from features.columns import Arrays
from features.spec import POPULARITY, TRENDING

FAST, SLOW = TRENDING, POPULARITY
# Bounds of the weight of the slow count, in people of the fast one.
_LEAST, _MOST = 10.0, 1e9


def popularity_now(features: Arrays) -> np.ndarray:
    """People who liked each item lately, by a Dirichlet prior that is shared as the slow count is.

    The prior weighs more the better the slow count foretells the fast one (`prior_weight`): in a
    newsroom the last half hour decides, in a shop with a visitor a minute it is chance and counts
    for little. After a silence the slow order is what is left; it breaks ties.

    Args:
        features: of the items, both counts as of now.

    Returns:
        Shape (items,), float64, at least 0.

    >>> popularity_now({FAST: np.array([3.0, 0.0, 0.0]), SLOW: np.array([1.0, 1.0, 2.0])}).tolist()
    [5.5, 2.5, 5.0]
    """
    fast, slow = (np.asarray(features[name], np.float64) for name in (FAST, SLOW))
    share = slow / max(float(slow.sum()), np.finfo(np.float64).tiny)
    return fast + prior_weight(fast, share) * share


def prior_weight(fast: np.ndarray, share: np.ndarray) -> float:
    """How many people of the fast count the slow one is worth, by the method of moments.

    Counts n_j of N draws with shares that are themselves drawn from a Dirichlet distribution with
    mean s and concentration a have sum (n_j - N s_j)^2 = r N sum s_j (1 - s_j) on average, where
    r = (N + a) / (1 + a). So a = (N - r) / (r - 1): where the counts differ from their mean by no
    more than chance, r is 1, and the mean is all there is to know. A count that decays has half
    the variance of one that does not: it stands for twice as many draws.

    Reference: Mosimann, Biometrika 49, 1962, https://doi.org/10.1093/biomet/49.1-2.65, section 3.

    Args:
        fast: (items,) decayed counts.
        share: (items,) of the slow count; they add up to 1.
    """
    draws = 2.0 * float(fast.sum())
    chance = draws * float((share * (1.0 - share)).sum())
    if chance <= 0.0:
        return _LEAST
    excess = float(((2.0 * fast - draws * share) ** 2).sum()) / chance
    if excess <= 1.0:
        return _MOST
    return min(max((draws - excess) / (excess - 1.0) / 2.0, _LEAST), _MOST)
