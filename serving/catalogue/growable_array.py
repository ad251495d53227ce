"""An array by row number that grows as rows are set."""

import numpy as np

_FIRST_CAPACITY = 1024
# A fifth of the room is free at the most, and each row is copied four times on the average.
_GROWTH = 1.25


class GrowableArray:
    """Rows of one shape; a row that was never set holds the default.

    The array is replaced when it grows and never shrinks, so another thread may read while one
    writes.

    Args:
        default: one row; it gives dtype and shape.
    """

    def __init__(self, default: np.ndarray | np.generic) -> None:
        self.default = np.asarray(default)
        self._values = np.repeat(self.default[None], _FIRST_CAPACITY, axis=0)

    def put(self, rows: np.ndarray, values: object) -> None:
        """Set `rows`, shape (n,), to `values`: one for each, or one for all."""
        if len(rows):
            self.reserve(int(rows.max()) + 1)
            self._values[rows] = values

    def take(self, rows: np.ndarray) -> np.ndarray:
        """A copy of `rows`."""
        values = self._values
        try:
            return values.take(rows, axis=0)
        except IndexError:  # not `reserve`: a reader must not replace what another thread writes to
            there = rows < len(values)
            found = np.repeat(self.default[None], len(rows), axis=0)
            found[there] = values[rows[there]]
            return found

    def head(self, size: int) -> np.ndarray:
        """The first `size` rows themselves: writing to them changes what is kept."""
        self.reserve(size)
        return self._values[:size]

    def reserve(self, size: int) -> None:
        """Make room for `size` rows."""
        if size > len(self._values):
            missing = max(size, int(_GROWTH * len(self._values))) - len(self._values)
            more = np.repeat(self.default[None], missing, axis=0)
            self._values = np.concatenate([self._values, more])
