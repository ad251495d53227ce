"""Titles by row, hashed so that those that are almost the same are found."""

import numpy as np

from serving.catalogue.growable_array import GrowableArray
from serving.similarity.minhash import MinHash, jaccard, shingles

_NOTHING: frozenset[int] = frozenset()
# Characters of a title that are looked at: what follows makes no two items alike, and costs time.
_LOOKED_AT = 1_000


class Titles:
    """MinHash bands and shingles of the title of each item."""

    def __init__(self) -> None:
        self._hash = MinHash()
        self._bands = GrowableArray(self._hash(_NOTHING))
        self._shingles: dict[int, frozenset[int]] = {}

    def put(self, row: int, title: str) -> None:
        """Take over the title of one item; an empty one is like no other."""
        found = shingles(title[:_LOOKED_AT])
        self._shingles[row] = found
        self._bands.put(np.array([row]), self._hash(found))

    def clear(self, row: int) -> None:
        """Forget the title of one item."""
        self._shingles.pop(row, None)
        self._bands.put(np.array([row]), self._bands.default)

    def bands(self, rows: np.ndarray) -> np.ndarray:
        """Shape (n, bands), int64: equal numbers in a column share a bucket, -1 is none."""
        return self._bands.take(rows)

    def similarity(self, row: int, other: int) -> float:
        """The Jaccard similarity of two titles' shingles."""
        return jaccard(self._shingles.get(row, _NOTHING), self._shingles.get(other, _NOTHING))
