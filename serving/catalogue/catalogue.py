"""The items: which there are, what is known of them, which may be shown.

A row number, once given to an item, stays its own: the item index and the masks of a request count
in rows. One thread writes; others may read, because arrays are replaced when they grow and never
shrink. What they read while a row is written is made good by `changed_since`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from features.as_of import as_of
from features.columns import Arrays, arrays_from_rows, arrays_from_table
from features.encode import encode_entity
from features.feature import Feature
from features.spec import FEATURES, ITEM_ATTRIBUTES, features_of
from millstream.events import ItemUpsert
from millstream.ids import id64_array
from serving.catalogue.column import Column, taken

_FIRST_CAPACITY = 1024
_ITEM_FEATURES = tuple(feature for feature in FEATURES if feature.entity == "item")
_ATTRIBUTES = features_of(ITEM_ATTRIBUTES)


class Catalogue:
    """Items by row."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.revision = 0
        self.columns = {feature.name: Column(feature) for feature in _ITEM_FEATURES}
        self._row_of: dict[str, int] = {}
        self._keys = np.zeros(0, dtype=np.int64)
        self._shown = np.zeros(0, dtype=bool)
        self._changed = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shown(self) -> np.ndarray:
        """Which items may be shown, shape (len(self),), bool."""
        return self._shown[: len(self.ids)]

    def row(self, item_id: str) -> int | None:
        """The row of an item, or None."""
        return self._row_of.get(item_id)

    def rows(self, item_ids: Sequence[str]) -> np.ndarray:
        """The rows of those items that are known, int64."""
        found = (self._row_of.get(item_id) for item_id in item_ids)
        return np.fromiter((row for row in found if row is not None), dtype=np.int64)

    def upsert(self, events: Sequence[ItemUpsert]) -> np.ndarray:
        """Take over what the catalogue's owner says; returns the rows, shape (len(events),)."""
        rows = self._rows_for([event.item_id for event in events])
        raw = [_attributes(event) for event in events]
        arrays = arrays_from_rows(raw, _ATTRIBUTES)
        for feature in _ATTRIBUTES:
            texts = [values[feature.name] for values in raw]
            self.columns[feature.name].put(rows, arrays[feature.name], texts)
        self._shown[rows] = [not event.hidden for event in events]
        self._mark_changed(rows)
        return rows

    def put(self, table: pa.Table) -> np.ndarray:
        """Take over feature rows (column `item_id` and features); returns their rows.

        Of several rows of one item the last counts.
        """
        rows = self._rows_for(table["item_id"].to_pylist())
        for name, values in arrays_from_table(table, _ITEM_FEATURES).items():
            column = self.columns[name]
            column.put(rows, values, table[name].to_pylist() if column.is_text else None)
        return rows

    def as_of(self, rows: np.ndarray, time_s: float) -> Arrays:
        """Features of `rows` as of `time_s`: (n,) or (n, length) by name."""
        return as_of(taken(self.columns, rows), "item", time_s)

    def inputs(self, rows: np.ndarray, features: Arrays, time_s: float) -> Arrays:
        """The model inputs that need an item alone, from what `as_of` gave for `rows`."""
        return encode_entity("item", self._keys[rows], features, time_s)

    def raw(self, row: int, features: Arrays, place: int) -> dict[str, Any]:
        """What is logged of one item: the as-of numbers at `place`, strings as they are."""
        return {
            name: column.raw(row) if column.is_text else features[name][place].tolist()
            for name, column in self.columns.items()
        }

    def changed_since(self, revision: int) -> np.ndarray:
        """Rows that were added or whose attributes changed after `revision`."""
        return np.flatnonzero(self._changed[: len(self.ids)] > revision)

    def _rows_for(self, item_ids: Sequence[str]) -> np.ndarray:
        new = [item_id for item_id in dict.fromkeys(item_ids) if item_id not in self._row_of]
        if new:
            self._add(new)
        return np.array([self._row_of[item_id] for item_id in item_ids], dtype=np.int64)

    def _add(self, item_ids: list[str]) -> None:
        first, size = len(self.ids), len(self.ids) + len(item_ids)
        if size > len(self._keys):
            self._reserve(max(size, 2 * len(self._keys), _FIRST_CAPACITY))
        self._keys[first:size] = id64_array(item_ids)
        self._shown[first:size] = True
        self._row_of.update(zip(item_ids, range(first, size), strict=True))
        self.ids.extend(item_ids)
        self._mark_changed(np.arange(first, size))

    def _mark_changed(self, rows: np.ndarray) -> None:
        self.revision += 1
        self._changed[rows] = self.revision

    def _reserve(self, capacity: int) -> None:
        for column in self.columns.values():
            column.reserve(capacity)
        missing = capacity - len(self._keys)
        self._keys = np.concatenate([self._keys, np.zeros(missing, np.int64)])
        self._shown = np.concatenate([self._shown, np.zeros(missing, bool)])
        self._changed = np.concatenate([self._changed, np.zeros(missing, np.int64)])


def _attributes(event: ItemUpsert) -> dict[str, Any]:
    own = {"title": event.title, "categories": event.categories, **event.attributes}
    own["created_at"] = event.created_at or event.event_time
    return {feature.name: _value(feature, own) for feature in _ATTRIBUTES}


def _value(feature: Feature, attributes: dict[str, Any]) -> Any:
    """The attribute by the feature's name without its entity, or the default."""
    value = attributes.get(feature.name.removeprefix("item_"))
    return feature.default if value is None else value
