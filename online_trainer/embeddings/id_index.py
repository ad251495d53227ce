"""A hash index from (id, tag) to a row number, for whole batches of keys at a time.

Open addressing with linear probing, at most half full. Both words of a key are compared, so no two
keys ever share an entry; the hash has a secret seed, so nobody can choose ids that crowd together.
NumPy's calls cost more than its work here: a batch takes one pass, and ever shorter ones for the
keys that have not met their entry or a gap yet.
"""

import secrets
from collections.abc import Iterator

import numpy as np

from online_trainer.embeddings.keys import RowKeys

_EMPTY = 0
_DELETED = -1
_VALUE_BITS = 32
_VALUE_MASK = (1 << _VALUE_BITS) - 1
_MIN_BITS = 10
_PAIR = np.dtype((np.void, 16))  # a slot as one opaque item


class IdIndex:
    """(id, tag) -> value, with a tag from 0 and a value from 1, both below 2**31.

    Args:
        expected: keys that fit in without growing. Growing doubles the memory and moves every key:
            a constant cost per key in the long run, but a pause when it happens.
    """

    def __init__(self, expected: int = 0) -> None:
        self._seed = np.uint64(secrets.randbits(64))
        self._live = 0
        self._clear(expected)

    def __len__(self) -> int:
        return self._live

    @property
    def memory_bytes(self) -> int:
        """Memory of the slots, bytes."""
        return self._words.nbytes

    def find(self, keys: RowKeys) -> np.ndarray:
        """(n,) int64 values; 0 where there is none."""
        values = np.zeros(len(keys.ids), np.int64)
        for places, entries, _ in self._probe(keys):
            values[places] = entries & _VALUE_MASK
        return values

    def insert(self, keys: RowKeys, values: np.ndarray) -> None:
        """Add keys that are not there yet, each once."""
        self._live += len(values)
        self._used += len(values)
        if 2 * self._used > self._capacity:
            self._grow()
        self._place(keys, (keys.tags + 1 << _VALUE_BITS) | values)

    def remove(self, keys: RowKeys) -> None:
        """Take keys away; those that are not there are passed over."""
        for places, _, slots in self._probe(keys):
            self._words[2 * slots + 1] = _DELETED
            self._live -= len(places)

    def _clear(self, expected: int) -> None:
        self._bits = max(_MIN_BITS, (3 * expected).bit_length())
        self._capacity = 1 << self._bits
        self._used = 0  # entries and deleted entries
        # Slot s is the pair (id, tag + 1 << 32 | value) at 2s and 2s + 1: one cache line, one miss.
        self._words = np.zeros(2 * self._capacity, np.int64)

    def _probe(self, keys: RowKeys) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield (places in `keys`, their second words, their slots) of keys as they are found."""
        ids, tags = keys.ids, keys.tags + 1
        slots = self._home(keys)
        places = np.arange(len(ids))
        while len(places):
            words = self._words.view(_PAIR).take(slots, mode="clip").view(np.int64)
            firsts, entries = words[0::2], words[1::2]
            hit = (firsts == ids) & (entries >> _VALUE_BITS == tags)
            found = np.flatnonzero(hit)
            if len(found):
                yield places.take(found), entries.take(found), slots.take(found)
            left = np.flatnonzero(~hit & (entries != _EMPTY))
            places, ids, tags = places.take(left), ids.take(left), tags.take(left)
            slots = (slots.take(left) + 1) & (self._capacity - 1)

    def _place(self, keys: RowKeys, entries: np.ndarray) -> None:
        """Write new keys into gaps; of several that want one gap, the last to write has it."""
        ids, slots = keys.ids, self._home(keys)
        while len(ids):
            second = 2 * slots + 1
            free = np.flatnonzero(self._words.take(second, mode="clip") == _EMPTY)
            self._words[second[free]] = entries[free]
            won = free[self._words.take(second[free], mode="clip") == entries[free]]
            self._words[second[won] - 1] = ids[won]
            left = np.ones(len(ids), bool)
            left[won] = False
            ids, entries = ids[left], entries[left]
            slots = (slots[left] + 1) & (self._capacity - 1)

    def _grow(self) -> None:
        """Move every key to a larger index; deleted entries are left behind."""
        ids, entries = self._words[0::2], self._words[1::2]
        live = np.flatnonzero((entries != _EMPTY) & (entries != _DELETED))
        ids, entries = ids[live], entries[live]
        self._clear(self._live)
        self._used = self._live
        self._place(RowKeys(ids, (entries >> _VALUE_BITS) - 1), entries)

    def _home(self, keys: RowKeys) -> np.ndarray:
        """The slot where the search for a key begins: the top bits of a mixed hash."""
        x = keys.ids.view(np.uint64) + self._seed
        x = (x ^ (x >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        x ^= keys.tags.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        return (x >> np.uint64(64 - self._bits)).view(np.int64)
