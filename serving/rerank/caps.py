"""A cap on how many items of one list share a group."""

import numpy as np


def within_cap(order: np.ndarray, groups: np.ndarray, most: int) -> np.ndarray:
    """Which places of an order stay when each group has its first `most` of them.

    Whatever is drawn from the places that stay has no more of a group.

    Args:
        order: positions of candidates, best first, (n,).
        groups: int64 key of each candidate's group, by position; 0 is none, which has no cap.

    Returns:
        Shape (n,), bool.

    >>> within_cap(np.array([2, 0, 1]), np.array([7, 7, 7]), most=2).tolist()
    [True, True, False]
    """
    ordered = groups[order]
    by_group = np.argsort(ordered, kind="stable")
    begins = np.append(True, np.diff(ordered[by_group]) != 0)[: len(order)]
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    place = np.empty(len(order), np.int64)
    place[by_group] = np.arange(len(order)) - first
    return (place < most) | (ordered == 0)
