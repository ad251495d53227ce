"""Keys of embedding rows: an id within a table."""

from typing import NamedTuple

import numpy as np


class RowKeys(NamedTuple):
    """Many keys as columns.

    Args:
        ids: (n,) int64 of any value; 0 is padding.
        tags: (n,) int64, the number of the table.
    """

    ids: np.ndarray
    tags: np.ndarray

    def take(self, places: np.ndarray) -> "RowKeys":
        """The keys at `places`."""
        return RowKeys(self.ids.take(places), self.tags.take(places))

    def distinct(self) -> tuple["RowKeys", np.ndarray]:
        """Each key once, in order of first appearance, and how often it is there.

        >>> keys, counts = RowKeys(np.array([7, 5, 7]), np.array([0, 0, 0])).distinct()
        >>> keys.ids.tolist(), counts.tolist()
        ([7, 5], [2, 1])
        """
        order = np.lexsort((self.ids, self.tags))  # stable: equal keys stay in order of arrival
        ids, tags = self.take(order)
        starts = np.ones(len(order), bool)
        starts[1:] = (ids[1:] != ids[:-1]) | (tags[1:] != tags[:-1])
        first = np.flatnonzero(starts)
        counts = np.diff(first, append=len(order))
        arrival = np.argsort(order[first])
        return self.take(order[first][arrival]), counts[arrival]
