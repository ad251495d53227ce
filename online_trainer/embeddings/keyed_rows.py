"""Rows of columns, addressed by key: added, touched, listed by their last use, and removed."""

from collections.abc import Mapping

import numpy as np

from online_trainer.embeddings.id_index import IdIndex
from online_trainer.embeddings.keys import RowKeys

NO_ROW = 0
_NO_TAG = -1
_ORDER_BITS = 32
_ORDER_MASK = (1 << _ORDER_BITS) - 1
_MIN_CAPACITY = 1024


class KeyedRows:
    """A growing table of rows; row 0 stands for "no row" and has no key.

    Args:
        shapes: of one row, by column; all columns are float32.
        expected: rows that fit in without growing.

    Attributes:
        columns: (capacity, *shape) arrays by name. They are replaced when the table grows: do not
            hold on to them.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], expected: int = 0) -> None:
        self._index = IdIndex(expected)
        capacity = max(_MIN_CAPACITY, expected + 1)
        self.columns = {
            name: np.zeros((capacity, *shape), np.float32) for name, shape in shapes.items()
        }
        self._ids = np.zeros(capacity, np.int64)
        self._tags = np.full(capacity, _NO_TAG, np.int64)
        # Step of the last use << 32 | scratch of `touch`: one random write serves both.
        self._stamps = np.zeros(capacity, np.int64)
        self._end = 1
        self._free = np.zeros(0, np.int64)
        self._tombstones: list[tuple[int, RowKeys]] = []

    def __len__(self) -> int:
        return self._end - 1 - len(self._free)

    def find(self, keys: RowKeys) -> np.ndarray:
        """(n,) row numbers; 0 where the key has no row."""
        return self._index.find(keys)

    def add(self, keys: RowKeys, step: int) -> np.ndarray:
        """New rows for keys that have none, each once; their columns hold whatever was there."""
        rows = self.reserve(keys, step)
        self._index.insert(keys, rows)
        return rows

    def reserve(self, keys: RowKeys, step: int) -> np.ndarray:
        """New rows that cannot be found by key."""
        reused, self._free = np.split(self._free, [min(len(keys.ids), len(self._free))])
        fresh = np.arange(self._end, self._end + len(keys.ids) - len(reused))
        self._end += len(fresh)
        if self._end > len(self._ids):
            self._grow()
        rows = np.concatenate([reused, fresh])
        self._ids[rows], self._tags[rows] = keys
        self._stamps[rows] = step << _ORDER_BITS
        return rows

    def touch(self, rows: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Mark rows as used in `step`, and find each once.

        Args:
            rows: (n,) row numbers, with repetitions.

        Returns:
            Where each distinct row appears first, in order, and for each of the n its place among
            the distinct ones. The order does not depend on how rows are numbered: sums taken in it
            come out the same, to the last bit, after a restart has numbered them anew.
        """
        order = np.arange(len(rows))
        # Written back to front, the first appearance is what stays.
        self._stamps[rows[::-1]] = (step << _ORDER_BITS) | order[::-1]
        first = self._stamps.take(rows) & _ORDER_MASK
        is_first = first == order
        place = np.cumsum(is_first) - 1
        return np.flatnonzero(is_first), place.take(first)

    def keys(self, rows: np.ndarray) -> RowKeys:
        """The keys of rows."""
        return RowKeys(self._ids[rows], self._tags[rows])

    def last_used(self, rows: np.ndarray) -> np.ndarray:
        """The step in which each row was last used."""
        return self._stamps[rows] >> _ORDER_BITS

    def set_last_used(self, rows: np.ndarray, steps: np.ndarray) -> None:
        """Put back what `last_used` gave."""
        self._stamps[rows] = steps << _ORDER_BITS

    def all(self) -> np.ndarray:
        """Every row."""
        return np.flatnonzero(self._tags[: self._end] != _NO_TAG)

    def used_after(self, step: int) -> np.ndarray:
        """The rows used or added after `step`."""
        rows = np.flatnonzero(self._stamps[: self._end] >= (step + 1) << _ORDER_BITS)
        return rows[self._tags[rows] != _NO_TAG]

    def idle_since(self, step: int) -> np.ndarray:
        """The rows that were last used before `step`."""
        rows = np.flatnonzero(self._stamps[: self._end] < step << _ORDER_BITS)
        return rows[self._tags[rows] != _NO_TAG]

    def remove(self, rows: np.ndarray, step: int) -> None:
        """Free rows; their keys stay as tombstones until `drop_tombstones`."""
        if not len(rows):
            return
        keys = self.keys(rows)
        self._index.remove(keys)
        self._tombstones.append((step, keys))
        self._tags[rows] = _NO_TAG
        self._stamps[rows] = 0
        self._free = np.concatenate([self._free, rows])

    def tombstones_after(self, step: int) -> RowKeys:
        """The keys removed after `step`; some may have come back since."""
        recent = [keys for removed_at, keys in self._tombstones if removed_at > step]
        if not recent:
            return RowKeys(np.zeros(0, np.int64), np.zeros(0, np.int64))
        return RowKeys(*(np.concatenate(column) for column in zip(*recent, strict=True)))

    def drop_tombstones(self, step: int) -> None:
        """Drop tombstones up to and including `step`."""
        self._tombstones = [entry for entry in self._tombstones if entry[0] > step]

    def _grow(self) -> None:
        """Double every column: a constant cost per row in the long run.

        The new half takes no memory until it is used.
        """
        more = max(self._end - len(self._ids), len(self._ids))
        self.columns = {name: _longer(column, more) for name, column in self.columns.items()}
        self._ids, self._stamps = _longer(self._ids, more), _longer(self._stamps, more)
        self._tags = np.concatenate([self._tags, np.full(more, _NO_TAG, np.int64)])


def _longer(column: np.ndarray, more: int) -> np.ndarray:
    longer = np.zeros((len(column) + more, *column.shape[1:]), column.dtype)
    longer[: len(column)] = column
    return longer
