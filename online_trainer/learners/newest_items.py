"""Columns of the newest distinct items, each item in a row of its own."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from online_trainer.embeddings.id_index import IdIndex
from online_trainer.embeddings.keys import RowKeys


class NewestItems:
    """A ring of the newest distinct items; one that comes again is brought up to date.

    Args:
        shapes: of each column's entries, by name, with their types; `item_id` is among them.
        capacity: most items.

    Attributes:
        columns: (capacity, ...) each, of which the first `len` rows are items.
    """

    def __init__(
        self, shapes: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]], capacity: int
    ) -> None:
        if capacity < 1:
            raise ValueError(f"`capacity` must be at least 1. Received: {capacity!r}.")
        self.capacity = capacity
        self.columns = {
            name: np.zeros((capacity, *shape), dtype) for name, (shape, dtype) in shapes.items()
        }
        self._index = IdIndex(capacity)
        self._added = 0

    def __len__(self) -> int:
        return min(self._added, self.capacity)

    def update(self, rows: Mapping[str, np.ndarray]) -> None:
        """Take in the items of a batch; of an item that is there twice, the later row counts."""
        keys = _keys(rows["item_id"])
        _, last = np.unique(keys.ids[::-1], return_index=True)
        newest = np.sort(len(keys.ids) - 1 - last)[-self.capacity :]
        distinct = keys.take(newest)
        self._place(distinct.take(np.flatnonzero(self._index.find(distinct) == 0)))
        # Asked again: a new item may have taken the place of another one of this batch.
        places = self._index.find(distinct) - 1
        stays = np.flatnonzero(places >= 0)
        for name, column in self.columns.items():
            column[places[stays]] = rows[name][newest[stays]]

    def places(self, ids: np.ndarray) -> np.ndarray:
        """(ids,) the row of each item, -1 of those that are not there."""
        return self._index.find(_keys(ids)) - 1

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that a snapshot holds; `restore` takes them back."""
        size = len(self)
        arrays = {name: column[:size].copy() for name, column in self.columns.items()}
        return {**arrays, "added": np.array(self._added)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state`."""
        self._added = int(state["added"])
        self._index = IdIndex(self.capacity)
        for name, column in self.columns.items():
            column[: len(self)] = state[name]
        self._index.insert(_keys(self.columns["item_id"][: len(self)]), np.arange(1, len(self) + 1))

    def _place(self, keys: RowKeys) -> None:
        """Give new items the free places, then those of the oldest."""
        order = self._added + np.arange(len(keys.ids))
        places = order % self.capacity
        self._index.remove(_keys(self.columns["item_id"][places[order >= self.capacity]]))
        self._index.insert(keys, places + 1)
        self._added += len(places)


def _keys(ids: np.ndarray) -> RowKeys:
    return RowKeys(ids, np.zeros(len(ids), np.int64))
