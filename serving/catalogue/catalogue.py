"""The items: which there are, what is known of them, which may be shown.

A row number stays with its item as long as there is one: the item index and the masks of a request
count in rows. The row of an item that was deleted is given to another one `REUSE_AFTER_S` seconds
later, when no request in flight can still mean the first. One thread writes; others may read the
rows counted in `ids`: every column has room for them, so that reading replaces no array. What they
read while a row is being written is made good by `changed_since`.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from features import bloom
from features.as_of import as_of
from features.attributes import item_version
from features.availability import AVAILABILITY, AvailabilityColumns
from features.columns import Arrays, arrays_from_rows, arrays_from_table
from features.encode import encode_entity
from features.predecessors import Predecessors, predecessor_columns
from features.spec import FEATURES, ITEM_ATTRIBUTES, TITLE, features_of
from features.tombstones import Tombstones
from features.upserts import UpsertVersion, supersedes
from millstream.events import ItemUpsert
from millstream.ids import id64_array
from serving.catalogue.column import FeatureColumn
from serving.catalogue.growable_array import GrowableArray
from serving.catalogue.row_versions import RowVersions
from serving.catalogue.titles import Titles
from serving.retrieval.followers import Followers
from serving.retrieval.item_neighbours import ItemNeighbours
from serving.retrieval.neighbours import RecentPeople
from serving.retrieval.seen import ItemRows

_ITEM_FEATURES = tuple(feature for feature in FEATURES if feature.entity == "item")
_ATTRIBUTES = features_of(ITEM_ATTRIBUTES)
_ATTRIBUTE_NAMES = {feature.name for feature in _ATTRIBUTES}
# Items that become available at one look at most.
MOST_BEGIN = 500
# How long the row of a deleted item is given to no other, seconds.
REUSE_AFTER_S = 60.0


class Catalogue:
    """Items by row.

    Args:
        shows_unknown: whether an item may be shown of which there are feature rows (people met it)
            but no upsert.
        availability: columns that say when an item may be shown; the domain's.
    """

    def __init__(
        self, shows_unknown: bool = False, availability: AvailabilityColumns = AVAILABILITY
    ) -> None:
        self.ids: list[str] = []
        self.revision = 0
        self.columns = {feature.name: FeatureColumn(feature) for feature in _ITEM_FEATURES}
        self.titles = Titles(self.columns[TITLE].text)
        self.followers = Followers()
        self.people = RecentPeople()
        self.neighbours = ItemNeighbours()
        self._row_of: dict[str, int] = {}
        self._deleted = Tombstones()
        self._free: deque[tuple[float, int]] = deque()  # rows, and when they lost their item
        self._now_s = 0.0
        self._watched: dict[str, list[ItemUpsert]] = {}
        self._ordered: list[str] | None = []
        self._availability = availability
        self._in_time = GrowableArray(np.bool_(True))
        self._live = GrowableArray(np.bool_(False))
        self._keys = GrowableArray(np.int64(0))
        self._shown = GrowableArray(np.bool_(shows_unknown))
        self._versions = RowVersions()
        self._changed = GrowableArray(np.int64(0))
        self._filter_bits = GrowableArray(np.zeros(bloom.HASHES, np.int32))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shown(self) -> np.ndarray:
        """Which items may be shown, shape (len(self),), bool."""
        return self._shown.head(len(self.ids))

    def in_time(self, rows: np.ndarray, time_s: float) -> np.ndarray:
        """Which of `rows` are available at `time_s` (`features/availability.py`), (n,) bool."""
        if not self._availability.names:
            return np.ones(len(rows), bool)
        values = {name: self.columns[name].values.take(rows) for name in self._availability.names}
        return self._availability.available(values, time_s)

    def available(self, time_s: float) -> np.ndarray:
        """Which items may be shown and are available, (len(self),) bool; the caller's own copy."""
        mask = self.shown.copy()
        if self._availability.names:
            mask &= self.in_time(np.arange(len(mask)), time_s)
        return mask

    def crossed(self, time_s: float) -> np.ndarray:
        """Rows that have become available, or are no more, since this was last asked.

        Of the former at most `MOST_BEGIN`: they get vectors, which takes time; the others follow.
        """
        if not self._availability.names:
            return np.empty(0, np.int64)
        every = np.arange(len(self.ids))
        now = self.in_time(every, time_s)
        before = self._in_time.take(every)
        begun = np.flatnonzero(now & ~before)[:MOST_BEGIN]
        rows = np.concatenate([np.flatnonzero(before & ~now), begun])
        if len(rows):
            self._in_time.put(rows, now[rows])
            self._mark_changed(rows)
        return rows

    @property
    def unavailable(self) -> int:
        """How many items are outside of their time or not in stock, by the last look."""
        size = len(self.ids)
        return int(np.count_nonzero(self._live.head(size) & ~self._in_time.head(size)))

    @property
    def items(self) -> int:
        """How many items there are; rows of deleted ones do not count."""
        return len(self._row_of)

    def item_ids(self) -> list[str]:
        """The ids of all items."""
        return list(self._row_of)

    def ordered_ids(self) -> list[str]:
        """The ids of all items in their order as strings; not to be written to."""
        if self._ordered is None:
            self._ordered = sorted(self._row_of)
        return self._ordered

    def has(self, rows: np.ndarray) -> np.ndarray:
        """Which of `rows` have an item, (n,) bool."""
        return self._live.take(rows)

    def row(self, item_id: str) -> int | None:
        """The row of an item, or None."""
        return self._row_of.get(item_id)

    def keys(self, rows: np.ndarray) -> np.ndarray:
        """The keys of the items at `rows`, (n,) int64."""
        return self._keys.take(rows)

    def version(self, item_id: str) -> UpsertVersion | None:
        """The version of the newest upsert or deletion of an item, or None."""
        row = self._row_of.get(item_id)
        return self._deleted.version(item_id) if row is None else self._versions.of(row)

    @contextmanager
    def watched(self, item_id: str) -> Iterator[list[ItemUpsert]]:
        """The upserts of one item that come meanwhile, also those that do not hold."""
        seen = self._watched.setdefault(item_id, [])
        try:
            yield seen
        finally:
            self._watched.pop(item_id, None)

    def rows(self, item_ids: Sequence[str]) -> np.ndarray:
        """The rows of those items that are known, int64."""
        found = (self._row_of.get(item_id) for item_id in item_ids)
        return np.array([row for row in found if row is not None], dtype=np.int64)

    def values(self, name: str) -> np.ndarray:
        """The stored values of one feature, shape (len(self),) or (len(self), length)."""
        return self.columns[name].values.head(len(self.ids))

    def values_as_of(self, name: str, time_s: float) -> np.ndarray:
        """The values of one number at `time_s`, shape (len(self),): counters have decayed."""
        size = len(self.ids)
        names = {name, "item_updated_at"}
        stored = {each: self.columns[each].values.head(size) for each in names}
        found: np.ndarray = as_of(stored, "item", time_s)[name]
        return found

    def meet(self, user_id: str, items: Sequence[str], time_s: float) -> None:
        """Take over what somebody met last, the newest first, as of `time_s`."""
        rows = [self._row_of.get(item, -1) for item in items]
        keys = id64_array(list(items)).tolist()
        for place in self.people.put(user_id, keys, rows, time_s):
            self.neighbours.put(keys[place:], rows[place:], time_s)

    def upsert(self, events: Sequence[ItemUpsert]) -> np.ndarray:
        """Take over what the catalogue's owner says, whatever the order in which it comes.

        An item is what its newest upsert says (`features.upserts`).

        Returns:
            The rows that changed, each once, ascending.

        Raises:
            InvalidEvent: an attribute is not of its feature's type; nothing was taken over.
        """
        for event in events if self._watched else ():
            if event.item_id in self._watched:
                self._watched[event.item_id].append(event)
        newest = self._superseding(events)
        values = [item_version(event).values for event in newest]
        rows = self._rows_for([event.item_id for event in newest])
        self._put(rows, arrays_from_rows(values, _ATTRIBUTES), _columns_of(values))
        self._shown.put(rows, [not event.hidden for event in newest])
        self._versions.put(rows, map(_version, newest))
        for event in newest:
            self._deleted.discard(event.item_id)
        self._mark_changed(rows)
        return np.sort(rows)

    def delete(self, item_id: str, version: UpsertVersion, now_s: float) -> int | None:
        """Take an item out, unless a newer upsert holds.

        Args:
            version: of the deletion.
            now_s: Unix seconds, by the clock.

        Returns:
            The row that it had; None where it was not there, or stays.
        """
        self._now_s = max(self._now_s, now_s)
        if not supersedes(version, self.version(item_id)):
            return None
        self._deleted.put(item_id, version, now_s)
        self._deleted.forget(now_s)
        row = self._row_of.pop(item_id, None)
        if row is not None:
            self._clear(row)
            self._free.append((now_s, row))
            self._ordered = None
        return row

    def pass_time(self, now_s: float) -> None:
        """Note the time, by which rows of deleted items become free."""
        self._now_s = max(self._now_s, now_s)

    def _clear(self, row: int) -> None:
        rows = np.array([row])
        self._shown.put(rows, False)
        self._live.put(rows, False)
        if predecessor_columns():
            self._follow(rows, {name: np.zeros_like(old) for name, old in self._followed(rows)})
        for column in self.columns.values():
            column.clear(row)
        self.titles.clear(row)
        self._versions.clear(row)
        self._mark_changed(rows)

    def _superseding(self, events: Sequence[ItemUpsert]) -> list[ItemUpsert]:
        """The newest of each item, if it is newer than what the catalogue has."""
        newest: dict[str, ItemUpsert] = {}
        for event in events:
            other = newest.get(event.item_id)
            old = _version(other) if other else self.version(event.item_id)
            if supersedes(_version(event), old):
                newest[event.item_id] = event
        return list(newest.values())

    def put(self, table: pa.Table) -> np.ndarray:
        """Take over feature rows (column `item_id` and features); returns their rows.

        Of several rows of one item the last counts. Rows of items that were deleted are none.
        """
        if len(self._deleted):
            ids = table["item_id"].to_pylist()
            table = table.filter(pa.array([each not in self._deleted for each in ids], pa.bool_()))
        rows = self._rows_for(table["item_id"].to_pylist())
        arrays = arrays_from_table(table, _ITEM_FEATURES)
        texts = {name: table[name].to_pylist() for name in arrays if self.columns[name].is_text}
        self._put(rows, arrays, texts)
        if _ATTRIBUTE_NAMES & arrays.keys():  # the models' view of the item changed
            self._mark_changed(rows)
        return rows

    def as_of(self, rows: np.ndarray, time_s: float) -> Arrays:
        """Features of `rows` as of `time_s`: (n,) or (n, length) by name."""
        stored = {name: column.values.take(rows) for name, column in self.columns.items()}
        return as_of(stored, "item", time_s)

    def inputs(self, rows: np.ndarray, features: Arrays, time_s: float) -> Arrays:
        """The model inputs that need an item alone, from what `as_of` gave for `rows`."""
        return encode_entity("item", self._keys.take(rows), features, time_s)

    def raw(self, rows: Sequence[int], features: Arrays) -> list[dict[str, Any]]:
        """Logged values of items: their as-of numbers in `features`, strings as they are."""
        columns = [
            list(map(column.text, rows)) if column.is_text else features[name].tolist()
            for name, column in self.columns.items()
        ]
        return [
            dict(zip(self.columns, values, strict=True)) for values in zip(*columns, strict=True)
        ]

    def to_be_seen(self, rows: np.ndarray) -> ItemRows:
        """Items as a user's seen filters know them."""
        return ItemRows(rows, self._filter_bits.take(rows), self._keys.take(rows))

    def changed_since(self, revision: int) -> np.ndarray:
        """Rows that were added or whose attributes changed after `revision`."""
        return np.flatnonzero(self._changed.head(len(self.ids)) > revision)

    def _put(self, rows: np.ndarray, arrays: Arrays, texts: Mapping[str, Sequence[Any]]) -> None:
        if arrays.keys() & set(predecessor_columns()[1:]):
            self._follow(rows, arrays)
        for name, values in arrays.items():
            self.columns[name].put(rows, values, texts.get(name, ()))
        if TITLE in texts:
            self.titles.put(rows, texts[TITLE])

    def _follow(self, rows: np.ndarray, arrays: Arrays) -> None:
        """Keep the way back from predecessors up to date; of several rows the last counts."""
        distinct, last = np.unique(rows[::-1], return_index=True)
        old = dict(self._followed(distinct))
        new = {**old, **{name: arrays[name][::-1][last] for name in old.keys() & arrays.keys()}}
        self.followers.update(distinct, Predecessors.of(old), Predecessors.of(new))

    def _followed(self, rows: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Columns of `rows` that hold predecessors."""
        return ((name, self.columns[name].values.take(rows)) for name in predecessor_columns())

    def _rows_for(self, item_ids: Sequence[str]) -> np.ndarray:
        new = [item_id for item_id in dict.fromkeys(item_ids) if item_id not in self._row_of]
        if new:
            self._add(new)
        return np.array([self._row_of[item_id] for item_id in item_ids], dtype=np.int64)

    def _add(self, item_ids: list[str]) -> None:
        self._ordered = None
        reused = self._freed(len(item_ids))
        for row, item_id in zip(reused, item_ids, strict=False):
            self.ids[row] = item_id
        size = len(self.ids) + len(item_ids) - len(reused)
        rows = np.array([*reused, *range(len(self.ids), size)])
        for column in self.columns.values():
            column.values.reserve(size)
        self._shown.reserve(size)
        self._shown.put(rows, self._shown.default)
        self._live.put(rows, True)
        self._keys.put(rows, id64_array(item_ids))
        self._filter_bits.put(rows, [bloom.bits_of(item_id) for item_id in item_ids])
        self._row_of.update(zip(item_ids, rows.tolist(), strict=True))
        self._mark_changed(rows)
        # Last: a reader of another thread goes by the number of ids.
        self.ids.extend(item_ids[len(reused) :])

    def _freed(self, most: int) -> list[int]:
        """Rows that may be given to other items, at most so many."""
        found: list[int] = []
        while self._free and len(found) < most:
            freed_at, row = self._free[0]
            if self._now_s - freed_at < REUSE_AFTER_S:
                break
            self._free.popleft()
            found.append(row)
        return found

    def _mark_changed(self, rows: np.ndarray) -> None:
        self.revision += 1
        self._changed.put(rows, self.revision)


def _version(event: ItemUpsert) -> UpsertVersion:
    return UpsertVersion(event.event_time, event.event_id)


def _columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {feature.name: [row.get(feature.name) for row in rows] for feature in _ATTRIBUTES}
