"""Candidates: what the sources bring, merged, each with the names of those who brought it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from typing import TypeVar

import numpy as np


@dataclass(frozen=True)
class Candidates:
    """Catalogue rows to be ranked.

    Args:
        rows: shape (n,), int64, each once.
        sources: names, in the order of the columns of `brought`.
        brought: shape (n, len(sources)), bool: who brought whom.
    """

    rows: np.ndarray
    sources: tuple[str, ...]
    brought: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, places: np.ndarray) -> "Candidates":
        """Those at `places`: positions, or (n,) bool."""
        return Candidates(self.rows[places], self.sources, self.brought[places])

    def sources_of(self, position: int) -> list[str]:
        """The names of those who brought the candidate at `position`."""
        return self.at(np.array([position])).sources_each()[0]

    def sources_each(self) -> list[list[str]]:
        """The names of those who brought each candidate."""
        flags = self.brought.tolist()
        return [[*compress(self.sources, each)] for each in flags]


# How little the first places of a source differ; see the reference of `fuse`.
_RANK_CONSTANT = 60.0

Name = TypeVar("Name", bound=str)


def fuse(found: Mapping[Name, np.ndarray], weights: Mapping[Name, float]) -> Candidates:
    """One list out of what each source found, by reciprocal ranks: sum_s w_s / (60 + rank_s).

    Ties stand in the order of the sources.

    Reference: Cormack, Clarke and Buettcher, SIGIR 2009, https://doi.org/10.1145/1571941.1572114.

    >>> fused = fuse({"a": np.array([5, 3]), "b": np.array([3, 8])}, {"a": 0.5, "b": 0.5})
    >>> fused.rows
    array([3, 5, 8])
    """
    merged, place = _merged(found)
    gains = [
        weights[name] / (_RANK_CONSTANT + np.arange(len(rows))) for name, rows in found.items()
    ]
    scores = np.bincount(place, np.concatenate([np.empty(0), *gains]), len(merged))
    return merged.at(np.argsort(-scores, kind="stable"))


def merge(found: Mapping[Name, np.ndarray]) -> Candidates:
    """One list out of the rows that each source found.

    >>> merged = merge({"two_tower": np.array([5, 3]), "popular": np.array([3, 8])})
    >>> merged.rows, merged.sources_of(1)
    (array([5, 3, 8]), ['two_tower', 'popular'])
    """
    return _merged(found)[0]


def _merged(found: Mapping[Name, np.ndarray]) -> tuple[Candidates, np.ndarray]:
    """The list, and where in it stands what each source found, one source after another."""
    rows = np.concatenate([np.empty(0, np.int64), *found.values()])
    source = np.repeat(np.arange(len(found)), [len(part) for part in found.values()])
    order = np.argsort(rows, kind="stable")
    begins = np.append(True, np.diff(rows[order]) != 0)[: len(rows)]
    first = np.sort(order[begins])  # where each row stands first
    place = np.empty(len(rows), np.int64)
    place[order] = np.searchsorted(first, order[begins])[np.cumsum(begins) - 1]
    brought = np.zeros((len(first), len(found)), dtype=bool)
    brought[place, source] = True
    return Candidates(rows[first], tuple(found), brought), place


def shares(total: int, weights: Mapping[Name, float]) -> dict[Name, int]:
    """`total` divided by weight; what rounding leaves goes to the first.

    >>> shares(10, {"two_tower": 0.8, "popular": 0.12, "recent": 0.08})
    {'two_tower': 9, 'popular': 1, 'recent': 0}
    """
    whole = sum(weights.values())
    counts = {name: int(total * weight / whole) for name, weight in weights.items()}
    first = next(iter(counts))
    counts[first] += total - sum(counts.values())
    return counts
