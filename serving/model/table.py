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
        vectors: shape (n, width), float32.
        shared: shape (width,): the vector of the ids that are not there.
    """

    ids: np.ndarray
    vectors: np.ndarray
    shared: np.ndarray

    @classmethod
    def empty(cls, width: int) -> "Table":
        """A table without rows, whose shared row is zeros."""
        nothing = np.empty((0, width), np.float32)
        return cls(np.empty(0, np.int64), nothing, np.zeros(width, np.float32))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self.vectors.shape[1]

    def lookup(self, ids: np.ndarray) -> np.ndarray:
        """Vectors of `ids` of any shape: the same shape plus (width,), float32."""
        found = np.where((ids == PADDING)[..., None], np.float32(0.0), self.shared)
        if len(self):
            place = np.minimum(np.searchsorted(self.ids, ids), len(self) - 1)
            known = self.ids[place] == ids
            found[known] = self.vectors[place[known]]
        return found

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
        vectors = np.concatenate([self.vectors[stays], changes.vectors[~is_shared]])
        order = np.argsort(ids, kind="stable")
        shared = changes.vectors[is_shared][-1] if is_shared.any() else self.shared
        return Table(ids[order], vectors[order], shared)
