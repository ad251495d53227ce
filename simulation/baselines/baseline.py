"""Protocol of the baselines: told each event after being asked for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Moment:
    """A moment of the log: just before an event is told, or when it is.

    Args:
        time_s: Unix seconds.
        user, session: numbers of the log.
        items: of the session so far, oldest first, numbers of the log.
    """

    time_s: float
    user: int
    session: int
    items: Sequence[int]


class BaselineRecommender(Protocol):
    """A recommender without a model.

    Attributes:
        name: in tables.
    """

    name: str

    def tell(self, moment: Moment, item: int) -> None:
        """Learn that `item` came next at `moment`."""
        ...

    def rank(self, moment: Moment, k: int) -> np.ndarray:
        """Up to `k` items, best first, none of the session's, int64."""
        ...


def best(scores: np.ndarray, k: int, without: Sequence[int] = ()) -> np.ndarray:
    """The `k` items with the greatest scores above 0, greatest first, ties by number.

    >>> best(np.array([0.0, 3.0, 1.0, 3.0]), 2), best(np.array([0.0, 3.0, 1.0, 3.0]), 9, [1])
    (array([1, 3]), array([3, 2]))
    """
    reach = k + len(without)
    if reach < len(scores):
        least = np.partition(scores, len(scores) - reach)[len(scores) - reach]
        found = np.flatnonzero(scores >= max(least, np.finfo(np.float64).tiny))
    else:
        found = np.flatnonzero(scores > 0)
    if len(without):
        found = found[~np.isin(found, without)]
    return found[np.argsort(-scores[found], kind="stable")][:k]


def filled(first: np.ndarray, then: np.ndarray, k: int) -> np.ndarray:
    """The `k` first items of two lists, each once.

    >>> filled(np.array([5, 2]), np.array([2, 8, 9]), 3)
    array([5, 2, 8])
    """
    rest = then[~np.isin(then, first)]
    return np.concatenate([first, rest])[:k]
