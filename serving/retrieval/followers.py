"""Followers of an item: an index from predecessors to the items that have them.

Rows of items name their predecessors (`features/predecessors.py`); this is the way back. It costs
what the rows that come bring, and holds an entry for each predecessor that an item has.
"""

from collections.abc import Iterable

import numpy as np


class Followers:
    """Catalogue rows by the key of a predecessor; one thread writes, others may read."""

    def __init__(self) -> None:
        self._rows: dict[int, set[int]] = {}

    def __len__(self) -> int:
        """Entries."""
        return sum(map(len, self._rows.values()))

    def update(self, rows: np.ndarray, old: np.ndarray, new: np.ndarray) -> None:
        """Exchange the predecessors of `rows`, each once.

        Args:
            old, new: (rows, length) keys before and now, padded with 0.
        """
        same = (new[:, :, None] == old[:, None, :]).any(2)
        at, place = np.nonzero(~same & (new != 0))
        for row, key in zip(rows[at].tolist(), new[at, place].tolist(), strict=True):
            self._rows.setdefault(key, set()).add(row)
        stays = (old[:, :, None] == new[:, None, :]).any(2)
        at, place = np.nonzero(~stays & (old != 0))
        for row, key in zip(rows[at].tolist(), old[at, place].tolist(), strict=True):
            self._remove(key, row)

    def of(self, keys: Iterable[int]) -> np.ndarray:
        """The rows that have any of `keys` among their predecessors, int64, ascending."""
        # A list of a set is made at once: nobody changes it meanwhile.
        found = [list(self._rows.get(key, ())) for key in keys]
        return np.unique(np.array([row for rows in found for row in rows], np.int64))

    def _remove(self, key: int, row: int) -> None:
        rows = self._rows.get(key)
        if rows is not None:
            rows.discard(row)
            if not rows:
                del self._rows[key]
