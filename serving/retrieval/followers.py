"""Followers of an item: an index from predecessors to the items that have them.

Rows of items name their predecessors (`features/predecessors.py`); this is the way back. It costs
what the rows that come bring. Of a predecessor that half the catalogue has, only the items that
follow it most are kept, so that a request costs the same however popular is what somebody met.
"""

import sys
from array import array
from collections.abc import Iterable

import numpy as np

from features.predecessors import Predecessors
from serving.retrieval.order import distinct

# The items that are kept of a predecessor that has more than twice as many.
MOST = 128
# What grows by less stays where it is: the rounding of one decay is no event.
_LEAST_GROWTH = 1e-3
_BYTES = array("i").itemsize


class Followers:
    """Catalogue rows by the key of a predecessor; one thread writes, others may read."""

    def __init__(self) -> None:
        self._of: dict[int, _Postings] = {}

    def __len__(self) -> int:
        """Entries."""
        return sum(len(each.rows) for each in self._of.values())

    def update(self, rows: np.ndarray, old: Predecessors, new: Predecessors) -> None:
        """Exchange the predecessors of `rows`, each once."""
        same = (new.keys[:, :, None] == old.keys[:, None, :]) & (new.keys != 0)[:, :, None]
        is_known, at_old = same.any(2), same.argmax(2)
        strengths = _strengths(new)
        grew = strengths > np.take_along_axis(_strengths(old), at_old, 1) + _LEAST_GROWTH
        for change, pairs in (
            (_Postings.add, (new.keys != 0) & ~is_known),
            (_Postings.strengthen, is_known & grew),
        ):
            at = np.nonzero(pairs)[0]
            triples = rows[at].tolist(), new.keys[pairs].tolist(), strengths[pairs].tolist()
            for row, key, strength in zip(*triples, strict=True):
                postings = self._of.get(key)
                if postings is None:
                    postings = self._of[key] = _Postings()
                change(postings, row, strength)
        gone = ~same.any(1) & (old.keys != 0)
        for row, key in zip(rows[gone.nonzero()[0]].tolist(), old.keys[gone].tolist(), strict=True):
            self._remove(key, row)

    def of(self, keys: Iterable[int]) -> np.ndarray:
        """The rows that have any of `keys` among their predecessors, int64, ascending.

        Of a key that very many have, those that follow it most.
        """
        # The bytes are copied at once: nobody changes them meanwhile.
        found = b"".join(p.rows.tobytes() for key in keys if (p := self._of.get(key)) is not None)
        return distinct(np.frombuffer(found, np.int32)).astype(np.int64)

    def _remove(self, key: int, row: int) -> None:
        postings = self._of.get(key)
        if postings is not None:
            postings.remove(row)
            if not postings.rows:
                del self._of[key]


class _Postings:
    """The rows that have one predecessor, with the strength of each, in no order."""

    __slots__ = ("rows", "strengths")

    def __init__(self) -> None:
        self.rows, self.strengths = array("i"), array("d")

    def add(self, row: int, strength: float) -> None:
        """Take in a row that was not here."""
        self.rows.append(row)
        self.strengths.append(strength)
        if len(self.rows) > 2 * MOST:
            self._keep_strongest()

    def strengthen(self, row: int, strength: float) -> None:
        """Raise the strength of a row, which comes back if it was left out."""
        place = self._place(row)
        if place is None:
            self.add(row, strength)
        else:
            self.strengths[place] = strength

    def remove(self, row: int) -> None:
        """Leave a row out, if it is here."""
        place = self._place(row)
        if place is not None:
            # A reader in between finds one row twice, and none missing.
            self.rows[place], self.strengths[place] = self.rows[-1], self.strengths[-1]
            self.rows.pop()
            self.strengths.pop()

    def _place(self, row: int) -> int | None:
        held, wanted, at = self.rows.tobytes(), row.to_bytes(_BYTES, sys.byteorder), -1
        while (at := held.find(wanted, at + 1)) >= 0:  # `index` makes an object of each
            if at % _BYTES == 0:
                return at // _BYTES
        return None

    def _keep_strongest(self) -> None:
        strengths = np.array(self.strengths)
        kept = np.sort(np.argpartition(-strengths, MOST)[:MOST])
        rows = array("i", np.array(self.rows)[kept].tobytes())
        self.rows, self.strengths = rows, array("d", strengths[kept].tobytes())


def _strengths(pairs: Predecessors) -> np.ndarray:
    """Order of pairs for as long as nothing new comes, (rows, length): all fade alike."""
    events = np.maximum(pairs.events, np.finfo(np.float32).tiny).astype(np.float64)
    return np.asarray(np.log2(events) + pairs.ages[:, None])
