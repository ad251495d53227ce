"""Lists against what was chosen: the place of the right answer, and what follows from it."""

import numpy as np

NOT_FOUND = -1


def rank_of(target: int, ranked: np.ndarray) -> int:
    """The place of `target` in a list, from 0; `NOT_FOUND` where it is not there.

    >>> rank_of(7, np.array([5, 7, 9])), rank_of(8, np.array([5, 7, 9]))
    (1, -1)
    """
    found = np.flatnonzero(ranked == target)
    return int(found[0]) if len(found) else NOT_FOUND


def hits(ranks: np.ndarray, k: int) -> np.ndarray:
    """HR@k of each question: (questions,) float64, 1 where the right answer is among the first k.

    >>> hits(np.array([0, 19, 20, -1]), 20).tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    return ((ranks >= 0) & (ranks < k)).astype(np.float64)


def gains(ranks: np.ndarray, k: int) -> np.ndarray:
    """NDCG@k of each question, with one right answer: 1 / log2(2 + rank) where it is found.

    >>> gains(np.array([0, 2, 20]), 20).tolist()
    [1.0, 0.5, 0.0]
    """
    return hits(ranks, k) / np.log2(2.0 + np.maximum(ranks, 0))


def reciprocal_ranks(ranks: np.ndarray, k: int) -> np.ndarray:
    """1 / (1 + rank) of each question, 0 beyond the first k.

    >>> reciprocal_ranks(np.array([0, 3, 20]), 20).tolist()
    [1.0, 0.25, 0.0]
    """
    return hits(ranks, k) / (1.0 + np.maximum(ranks, 0))


def mean_over(values: np.ndarray, groups: np.ndarray) -> float:
    """The mean of the groups' means: no group counts more because more was asked in it.

    >>> mean_over(np.array([1.0, 0.0, 1.0]), np.array([0, 0, 1]))
    0.75
    """
    if not len(values):
        return float("nan")
    _, place = np.unique(groups, return_inverse=True)
    return float(np.mean(np.bincount(place, values) / np.bincount(place)))


def mean_known(values: np.ndarray) -> float:
    """The mean of what is not NaN; NaN where nothing is.

    >>> mean_known(np.array([1.0, np.nan, 2.0]))
    1.5
    """
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
