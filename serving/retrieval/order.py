"""Rows in an order, of which only the beginning is sorted."""

from collections.abc import Sequence

import numpy as np

# Most lists are found among so many; the others are found among what is allowed.
HEAD = 4_096


class Order:
    """Rows by falling scores, compared one after another, then by row.

    Args:
        scores: (rows,) each, none of them NaN.
        head: how many rows are sorted beforehand.
    """

    def __init__(self, scores: Sequence[np.ndarray], head: int = HEAD) -> None:
        self._scores = tuple(scores)
        self._head = first_by(self._scores, head)

    def first(self, k: int, mask: np.ndarray) -> np.ndarray:
        """The first k rows that `mask` (bool; what lies past its end is not allowed) allows.

        Where the head holds k of them, they cost what is looked at; otherwise all rows are looked
        at, and none but the k are sorted.
        """
        looked_at = 2 * k
        while True:
            head = self._head[:looked_at]
            head = head[head < len(mask)]
            found = head[mask[head]]
            if len(found) >= k or looked_at >= len(self._head):
                break
            looked_at = 4 * looked_at + 1
        count = len(self._scores[0])
        if len(found) < k and len(self._head) < count:
            allowed = np.flatnonzero(mask[:count])
            found = allowed[first_by([each[allowed] for each in self._scores], k)]
        return found[:k]


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k greatest scores, greatest first, ties by position; int64.

    >>> top_k(np.array([1.0, 5.0, 3.0, 5.0]), 3)
    array([1, 3, 2])
    """
    return first_by([scores], k)


def first_by(scores: Sequence[np.ndarray], k: int) -> np.ndarray:
    """Places of the k greatest by the first scores, what ties by the next, then by place; int64.

    >>> first_by([np.array([1.0, 5.0, 3.0, 5.0]), np.array([0.0, 1.0, 0.0, 2.0])], 3)
    array([3, 1, 2])
    """
    found = _chosen(scores, min(max(k, 0), len(scores[0])))
    return found[np.lexsort([found, *(-each[found] for each in reversed(scores))])]


def distinct(values: np.ndarray) -> np.ndarray:
    """Each of some integers once, ascending: of a few thousands quicker than by a hash table.

    >>> distinct(np.array([5, 3, 5]))
    array([3, 5])
    """
    ordered = np.sort(values)
    begins = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return ordered[begins]


def _chosen(scores: Sequence[np.ndarray], k: int) -> np.ndarray:
    """The same in no order."""
    if not scores or k == 0:
        return np.arange(k)
    first, *others = scores
    if k == len(first):
        return np.arange(k)
    least = np.partition(first, len(first) - k)[len(first) - k]
    above, level = np.flatnonzero(first > least), np.flatnonzero(first == least)
    tied = _chosen([each[level] for each in others], k - len(above))
    return np.concatenate([above, level[tied]])
