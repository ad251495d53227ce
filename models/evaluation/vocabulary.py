"""Keys to row numbers of an embedding table."""

import numpy as np

PADDING, UNSEEN = 0, 1


class Vocabulary:
    """0 stays 0 (padding), known keys have rows from 2 on, every other key has row 1.

    Args:
        keys: what training has seen, in any shape, with repeats.
        min_count: a key that came less often is not known.

    >>> Vocabulary(np.array([7, 9, 9, 0])).look_up(np.array([[9, 8], [7, 0]])).tolist()
    [[3, 1], [2, 0]]
    """

    def __init__(self, keys: np.ndarray, min_count: int = 1) -> None:
        known, counts = np.unique(keys, return_counts=True)
        self._keys = known[(counts >= min_count) & (known != 0)]

    @property
    def rows(self) -> int:
        """Rows of a table for all of it."""
        return len(self._keys) + 2

    def look_up(self, keys: np.ndarray) -> np.ndarray:
        """Row numbers, in the shape of `keys`."""
        rows = np.full(keys.shape, UNSEEN, np.int64)
        if len(self._keys):
            place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            known = self._keys[place] == keys
            rows[known] = place[known] + 2
        rows[keys == 0] = PADDING
        return rows
