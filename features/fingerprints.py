"""A set of 64-bit fingerprints in plain arrays: 12 to 36 bytes each, looked up by the batch.

Open addressing with linear probing. When a table is full the next one is twice as large, and the
full one stays as it is: nothing is ever copied, and none of a million entries waits for it.
"""

import secrets

import numpy as np

FIRST_SLOTS = 1 << 16
# How full a table gets: beyond that its probes become long.
LOAD = 2 / 3
SLOT_BYTES = 8
_EMPTY = np.uint64(0)
# Another one in each process: nobody can choose ids that crowd one place.
_FACTOR = np.uint64(secrets.randbits(64) | 1)


class Fingerprints:
    """The fingerprints that were added; 0 and 1 are taken for the same."""

    def __init__(self) -> None:
        self._tables: list[np.ndarray] = []
        self._counts: list[int] = []

    def __len__(self) -> int:
        return sum(self._counts)

    @property
    def size_bytes(self) -> int:
        """Memory of the tables, bytes."""
        return sum(table.nbytes for table in self._tables)

    @property
    def grown_bytes(self) -> int:
        """Memory of the tables when one more entry needs a new one, bytes."""
        return self.size_bytes + (2 * self._tables[-1].nbytes if self._tables else 0)

    @property
    def room(self) -> int:
        """How many entries fit before another table is needed."""
        if not self._tables:
            return 0
        return int(len(self._tables[-1]) * LOAD) - self._counts[-1]

    def contains(self, fingerprints: np.ndarray) -> np.ndarray:
        """Which of (n,) uint64 fingerprints are in the set, bool."""
        found = np.zeros(len(fingerprints), np.bool_)
        fingerprints = _filled(fingerprints)
        for table in self._tables:
            left = np.flatnonzero(~found)
            found[left] = _places(table, fingerprints[left])[1]
        return found

    def add(self, fingerprints: np.ndarray) -> None:
        """Put in (n,) uint64 fingerprints, distinct and none of which is there."""
        fingerprints = _filled(fingerprints)
        while len(fingerprints):
            if self.room <= 0:
                size = 2 * len(self._tables[-1]) if self._tables else FIRST_SLOTS
                self._tables.append(np.zeros(size, np.uint64))
                self._counts.append(0)
            part, fingerprints = fingerprints[: self.room], fingerprints[self.room :]
            self._counts[-1] += len(part)
            _insert(self._tables[-1], part)


def _filled(fingerprints: np.ndarray) -> np.ndarray:
    return np.where(fingerprints == _EMPTY, np.uint64(1), fingerprints)


def _places(table: np.ndarray, fingerprints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slots where fingerprints are or would go, and whether they are there."""
    mask, bits = len(table) - 1, len(table).bit_length() - 1
    places = ((fingerprints * _FACTOR) >> np.uint64(64 - bits)).astype(np.int64)
    left = np.arange(len(fingerprints))
    found = np.zeros(len(fingerprints), np.bool_)
    while len(left):
        held = table[places[left]]
        is_here = held == fingerprints[left]
        found[left[is_here]] = True
        left = left[~is_here & (held != _EMPTY)]
        places[left] = (places[left] + 1) & mask
    return places, found


def _insert(table: np.ndarray, fingerprints: np.ndarray) -> None:
    while len(fingerprints):
        places, _ = _places(table, fingerprints)
        table[places] = fingerprints  # of several for one slot, one stays
        fingerprints = fingerprints[table[places] != fingerprints]
