"""Beyond-accuracy measures of lists: variety, novelty, coverage of the catalogue."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def coverage(lists: Sequence[np.ndarray], size: int) -> float:
    """The share of `size` items that were in any list.

    >>> coverage([np.array([0, 1]), np.array([1])], 4)
    0.5
    """
    return float(len(np.unique(_all(lists))) / size) if size else float("nan")


def gini(lists: Sequence[np.ndarray], size: int) -> float:
    """The Gini coefficient of how often each of `size` items was shown: 0 is evenly, 1 one item.

    >>> gini([np.array([0, 1]), np.array([2, 3])], 4)
    0.0
    """
    shown = np.sort(np.bincount(_all(lists), minlength=size)).astype(np.float64)
    if not shown.sum():
        return float("nan")
    place = np.arange(1, len(shown) + 1)
    return float((2 * place - len(shown) - 1) @ shown / (len(shown) * shown.sum()))


def novelty(lists: Sequence[np.ndarray], counts: np.ndarray) -> float:
    """Mean self-information, -log2 of an item's share of all events, of the items shown; bits.

    >>> novelty([np.array([0, 1])], np.array([2, 2]))
    1.0
    """
    shown = _all(lists)
    share = np.maximum(counts[shown], 1) / max(counts.sum(), 1)
    return float(-np.log2(share).mean()) if len(shown) else float("nan")


def share_new(
    lists: Sequence[np.ndarray], times: np.ndarray, born: np.ndarray, age_s: float
) -> float:
    """The share of shown items that were first met less than `age_s` seconds before.

    Args:
        times: (lists,) when each was made.
        born: (items,) when each item was first met.
    """
    shown = _all(lists)
    when = np.repeat(times, [len(each) for each in lists])
    return float((when - born[shown] < age_s).mean()) if len(shown) else float("nan")


def personalisation(lists: Sequence[np.ndarray]) -> float:
    """One less the mean overlap of neighbouring lists: 0 where everybody gets the same.

    >>> personalisation([np.array([1, 2]), np.array([2, 3])])
    0.5
    """
    pairs = pairwise(lists)
    shared = [len(np.intersect1d(a, b)) / max(len(a), len(b), 1) for a, b in pairs]
    return float(1.0 - np.mean(shared)) if shared else float("nan")


def _all(lists: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0, np.int64), *lists]).astype(np.int64)
