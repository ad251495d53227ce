"""One embedding table, read-only: ids in order, a vector each."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """Vectors by 64-bit id; an id that is not there, and id 0, have zeros.

    Args:
        ids: shape (n,), int64, ascending, each once.
        vectors: shape (n, width), float32.
    """

    ids: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, ids: np.ndarray, vectors: np.ndarray) -> "Table":
        """A table of rows in any order.

        Raises:
            ValueError: the shapes do not fit together, or an id comes twice.
        """
        if vectors.ndim != 2 or len(ids) != len(vectors):
            raise ValueError(
                f"`vectors` must have shape ({len(ids)}, width). Received: {vectors.shape}."
            )
        order = np.argsort(ids, kind="stable")
        ids = np.asarray(ids, dtype=np.int64)[order]
        if len(ids) > 1 and not (np.diff(ids) > 0).all():
            raise ValueError("`ids` must be different. Received: one of them twice.")
        return cls(ids, np.asarray(vectors, dtype=np.float32)[order])

    @classmethod
    def empty(cls, width: int) -> "Table":
        """A table without rows."""
        return cls(np.empty(0, np.int64), np.empty((0, width), np.float32))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self.vectors.shape[1]

    def lookup(self, ids: np.ndarray) -> np.ndarray:
        """Vectors of `ids` of any shape: the same shape plus (width,), float32."""
        found = np.zeros((*ids.shape, self.width), dtype=np.float32)
        place = np.minimum(np.searchsorted(self.ids, ids), max(len(self) - 1, 0))
        if len(self):
            known = (self.ids[place] == ids) & (ids != 0)
            found[known] = self.vectors[place[known]]
        return found

    def updated(self, changes: "Table", removed: np.ndarray) -> "Table":
        """A new table: without `removed`, then with the rows of `changes` added or replaced."""
        gone = np.union1d(changes.ids, removed)
        stays = ~np.isin(self.ids, gone, assume_unique=True)
        ids = np.concatenate([self.ids[stays], changes.ids])
        order = np.argsort(ids, kind="stable")  # two sorted runs: a merge
        vectors = np.concatenate([self.vectors[stays], changes.vectors])
        return Table(ids[order], vectors[order])
