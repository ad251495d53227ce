"""One embedding table, read-only: ids in order, a vector each."""

from dataclasses import dataclass

import numpy as np

from millstream.ids import PADDING
from millstream.snapshots.layout import SHARED_ROW, TableRows


@dataclass(frozen=True)
class Table:
    """Vectors by 64-bit id. Padding has zeros; an id without a row has the shared row.

    Args:
        ids: shape (n,), int64, ascending, each once, without the shared row's.
        vectors: shape (n + 2, width), float32: those of `ids`, the shared row, zeros.
    """

    ids: np.ndarray
    vectors: np.ndarray

    @classmethod
    def empty(cls, width: int) -> "Table":
        """A table without rows, whose shared row is zeros."""
        return cls(np.empty(0, np.int64), np.zeros((2, width), np.float32))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self.vectors.shape[1]

    @property
    def shared(self) -> np.ndarray:
        """The vector of the ids that are not there, shape (width,)."""
        return self.vectors[-2]

    def lookup(self, ids: np.ndarray) -> np.ndarray:
        """Vectors of `ids` of any shape: the same shape plus (width,), float32."""
        place = np.searchsorted(self.ids, ids)
        known = self.ids.take(place, mode="clip") == ids if len(self) else False
        place = np.where(known, place, len(self))
        place[ids == PADDING] = len(self) + 1
        return self.vectors.take(place, axis=0)

    def updated(self, changes: TableRows) -> "Table":
        """A new table: first `changes.removed` taken away, then the rows added or replaced.

        Raises:
            ValueError: the vectors are not `width` wide.
        """
        if changes.vectors.shape != (len(changes.ids), self.width):
            raise ValueError(
                f"`vectors` must have shape {(len(changes.ids), self.width)}. "
                f"Received: {changes.vectors.shape}."
            )
        stays = ~np.isin(self.ids, np.concatenate([changes.ids, changes.removed]))
        is_shared = changes.ids == SHARED_ROW
        ids = np.concatenate([self.ids[stays], changes.ids[~is_shared]])
        vectors = np.concatenate([self.vectors[:-2][stays], changes.vectors[~is_shared]])
        order = np.argsort(ids, kind="stable")
        shared = changes.vectors[is_shared][-1] if is_shared.any() else self.shared
        return Table(ids[order], np.vstack([vectors[order], shared, np.zeros_like(shared)]))
