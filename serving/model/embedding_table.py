"""One embedding table at one snapshot, read-only: 64-bit ids to vectors.

Versions share their vectors (`slots.py`) and most of their ids: a delta copies four bytes for each
id that the table has, and else costs what it carries. Ids stand in order, because a list asks for
few at a time: a search in order is one call, and a hash index takes ten. New ids wait in a short
list of their own until it pays to merge them.
"""

from typing import NamedTuple

import numpy as np

from millstream.ids import PADDING
from millstream.snapshots.layout import SHARED_ROW, TableRows
from serving.model.slots import ZEROS, Slots

_GONE = ZEROS  # in place of the slot of an id that was removed
# Merging moves every id; so many new ones may wait before it does.
_SMALL = 1 << 16
_SHARE = 16


class Ids(NamedTuple):
    """Ids in order, and the slot of each.

    Args:
        ids: (n,) int64, ascending.
        slots: (n,) int32; `_GONE` where the id was removed.
    """

    ids: np.ndarray
    slots: np.ndarray

    def find(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The place of each of `ids`, or where it would be, and whether it is there."""
        place = self.ids.searchsorted(ids)
        if not len(self.ids):
            return place, np.zeros(place.shape, bool)
        return place, self.ids.take(place, mode="clip") == ids

    def slot(self, key: int) -> int:
        """The slot of one id; `_GONE` where it is not there."""
        place = int(self.ids.searchsorted(key))
        is_there = place < len(self.ids) and self.ids.item(place) == key
        return self.slots.item(place) if is_there else _GONE

    def with_new(self, ids: np.ndarray, slots: np.ndarray) -> "Ids":
        """These and others, none of which is among them."""
        order = np.argsort(ids, kind="stable")
        ids, slots = ids[order], slots[order]
        place = np.searchsorted(self.ids, ids)
        return Ids(np.insert(self.ids, place, ids), np.insert(self.slots, place, slots))

    def without(self, is_gone: np.ndarray) -> "Ids":
        """Those that have not gone."""
        return Ids(self.ids[~is_gone], self.slots[~is_gone]) if is_gone.any() else self


_NONE = Ids(np.empty(0, np.int64), np.empty(0, np.int32))


class EmbeddingTable:
    """Vectors by id. Padding has zeros; an id without a row has the shared row.

    Args:
        slots: of all versions of the table.
        generation: counts up from version to version.
        known, recent: ids that have a row: most of them, and those that came lately.
        shared: slot of the vector of the ids that are in neither.
    """

    def __init__(self, slots: Slots, generation: int, known: Ids, recent: Ids, shared: int) -> None:
        self.generation = generation
        self._slots, self._known, self._recent, self._shared = slots, known, recent, shared

    @classmethod
    def empty(cls, width: int) -> "EmbeddingTable":
        """A table without rows, whose shared row is zeros."""
        table = cls(Slots(width), 0, _NONE, _NONE, ZEROS)
        table._slots.made(table, _NONE.slots, _NONE.slots)
        return table

    def __len__(self) -> int:
        return int(np.count_nonzero(self._known.slots != _GONE)) + len(self._recent.ids)

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self._slots.values.shape[1]

    @property
    def shared(self) -> np.ndarray:
        """The vector of the ids that are not there, shape (width,)."""
        return self._slots.values[self._shared]

    def has(self, ids: np.ndarray) -> np.ndarray:
        """True if each of `ids` has a row of its own, of their shape, bool."""
        slots = self._slots_of(ids)
        return (slots != self._shared) & (slots != ZEROS)

    def lookup(self, ids: np.ndarray) -> np.ndarray:
        """Vectors of `ids` of any shape: the same shape plus (width,), float32."""
        if ids.size == 1:  # such as the user's: half of what is looked up for a list
            return self._slots.values[self._slot_of(ids.item())].reshape(*ids.shape, -1).copy()
        return self._slots.values.take(self._slots_of(ids), axis=0)

    def updated(self, changes: TableRows) -> "EmbeddingTable":
        """A new table: first `changes.removed` taken away, then the rows added or replaced.

        This one stays as it is, whoever reads it meanwhile.

        Raises:
            ValueError: the vectors are not `width` wide.
        """
        if changes.vectors.shape != (len(changes.ids), self.width):
            raise ValueError(
                f"`vectors` must have shape {(len(changes.ids), self.width)}. "
                f"Received: {changes.vectors.shape}."
            )
        if not self._slots.may_follow(self.generation):
            return self._apart().updated(changes)
        return _Change(self._slots, self._known, self._recent, self._shared).of(
            changes, self.generation + 1
        )

    def _slot_of(self, key: int) -> int:
        """The same as `_slots_of`, of one id."""
        if key == PADDING:
            return ZEROS
        for rows in (self._recent, self._known):
            if (slot := rows.slot(key)) != _GONE:
                return slot
        return self._shared

    def _slots_of(self, ids: np.ndarray) -> np.ndarray:
        place, is_known = self._known.find(ids)
        if len(self._known.ids):
            found = self._known.slots.take(place, mode="clip")
            is_known &= found != _GONE
            slots = np.where(is_known, found, np.int32(self._shared))
        else:
            slots = np.full(ids.shape, self._shared, np.int32)
        if len(self._recent.ids) and not is_known.all():
            place, is_recent = self._recent.find(ids)
            slots = np.where(is_recent, self._recent.slots.take(place, mode="clip"), slots)
        slots[ids == PADDING] = ZEROS
        return slots

    def _apart(self) -> "EmbeddingTable":
        """The same with slots of its own: another version has gone its own way since."""
        rows = Ids(
            np.concatenate([self._known.ids, self._recent.ids]),
            np.concatenate([self._known.slots, self._recent.slots]),
        )
        rows = rows.without(rows.slots == _GONE)
        ids, slots = np.append(rows.ids, SHARED_ROW), np.append(rows.slots, self._shared)
        vectors = self._slots.values.take(slots, axis=0)
        return EmbeddingTable.empty(self.width).updated(
            TableRows(ids, vectors, np.empty(0, np.int64))
        )


class _Change:
    """A version on its way: copies of what the one before it has, changed in place."""

    def __init__(self, slots: Slots, known: Ids, recent: Ids, shared: int) -> None:
        self._slots, self._shared = slots, shared
        self._known = Ids(known.ids, known.slots.copy())
        self._recent = Ids(recent.ids, recent.slots.copy())
        self._retired: list[np.ndarray] = []

    def of(self, changes: TableRows, generation: int) -> EmbeddingTable:
        self._remove(changes.removed)
        added = self._slots.put(changes.vectors)
        self._set(changes.ids, added)
        self._merge()
        table = EmbeddingTable(self._slots, generation, self._known, self._recent, self._shared)
        self._slots.made(table, added, np.concatenate(self._retired))
        return table

    def _remove(self, ids: np.ndarray) -> None:
        for rows in (self._known, self._recent):
            self._replace(rows, ids, np.full(len(ids), _GONE, np.int32))
        self._recent = self._recent.without(self._recent.slots == _GONE)

    def _set(self, ids: np.ndarray, slots: np.ndarray) -> None:
        is_shared = ids == SHARED_ROW
        if is_shared.any():
            self._retired.append(np.array([self._shared], np.int32))
            self._shared = int(slots[is_shared][-1])
            ids, slots = ids[~is_shared], slots[~is_shared]
        is_new = ~self._replace(self._known, ids, slots)
        is_new &= ~self._replace(self._recent, ids, slots)
        self._recent = self._recent.with_new(ids[is_new], slots[is_new])

    def _replace(self, rows: Ids, ids: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """Give those of `ids` that are among `rows` their new slots; which they are."""
        place, is_there = rows.find(ids)
        place = place[is_there]
        self._retired.append(rows.slots[place])
        rows.slots[place] = slots[is_there]
        return is_there

    def _merge(self) -> None:
        if len(self._recent.ids) > max(0, len(self._known.ids) - _SMALL) // _SHARE:
            known = self._known.without(self._known.slots == _GONE)
            self._known, self._recent = known.with_new(*self._recent), _NONE
