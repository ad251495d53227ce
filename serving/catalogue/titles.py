"""Titles by row, hashed so that those that are almost the same are found."""

from collections.abc import Callable, Sequence

import numpy as np

from serving.catalogue.growable_array import GrowableArray
from serving.similarity.minhash import MinHash, jaccard, shingles

# Characters of a title that are looked at: what follows makes no two items alike, and costs time.
_LOOKED_AT = 1_000


class Titles:
    """MinHash bands of the title of each item.

    Shingles are made anew of the few titles that are compared: kept, they would take two thirds of
    the memory of an item.

    Args:
        text: the title of a row; empty where there is none.
    """

    def __init__(self, text: Callable[[int], str]) -> None:
        self._text = text
        self._hash = MinHash()
        self._bands = GrowableArray(self._hash(frozenset()))

    def put(self, rows: np.ndarray, titles: Sequence[str | None]) -> None:
        """Take over the titles of `rows`; an empty one is like no other."""
        self._bands.put(rows, [self._hash(_shingles(title or "")) for title in titles])

    def clear(self, row: int) -> None:
        """Forget the title of one item."""
        self._bands.put(np.array([row]), self._bands.default)

    def bands(self, rows: np.ndarray) -> np.ndarray:
        """Shape (n, bands), int64: equal numbers in a column share a bucket, -1 is none."""
        return self._bands.take(rows)

    def similarities(self, pairs: np.ndarray) -> np.ndarray:
        """Jaccard similarity of the shingles of two titles, (n,) float64.

        Args:
            pairs: shape (n, 2), rows.
        """
        of = {row: _shingles(self._text(row)) for row in np.unique(pairs).tolist()}
        return np.array([jaccard(of[one], of[other]) for one, other in pairs.tolist()], np.float64)


def _shingles(title: str) -> frozenset[int]:
    return shingles(title[:_LOOKED_AT])
