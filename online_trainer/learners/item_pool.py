"""The items that came last, with their tower's inputs: where uniform negatives are drawn."""

from collections.abc import Mapping, Sequence

import numpy as np

from models.fields import Field
from online_trainer.embeddings.id_index import IdIndex
from online_trainer.embeddings.keys import RowKeys

_SEED = 20_19


class ItemPool:
    """A ring of the newest distinct items; one that comes again is brought up to date.

    Args:
        fields: of the candidate tower, `item_id` among them.
        capacity: most items.
    """

    def __init__(self, fields: Sequence[Field], capacity: int = 16_384) -> None:
        if capacity < 1:
            raise ValueError(f"`capacity` must be at least 1. Received: {capacity!r}.")
        self.capacity = capacity
        self.columns = {
            f.name: np.zeros((capacity, *f.shape), np.int64 if f.is_id else np.float32)
            for f in fields
        }
        self._index = IdIndex(capacity)
        self._added = 0

    def __len__(self) -> int:
        return min(self._added, self.capacity)

    def update(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Take in the items of a batch; of an item that is there twice, the later row counts."""
        keys = _keys(inputs["item_id"])
        _, last = np.unique(keys.ids[::-1], return_index=True)
        rows = np.sort(len(keys.ids) - 1 - last)[-self.capacity :]
        distinct = keys.take(rows)
        self._place(distinct.take(np.flatnonzero(self._index.find(distinct) == 0)))
        # Asked again: a new item may have taken the place of another one of this batch.
        places = self._index.find(distinct) - 1
        stays = np.flatnonzero(places >= 0)
        for name, column in self.columns.items():
            column[places[stays]] = inputs[name][rows[stays]]

    def draw(self, count: int, step: int) -> dict[str, np.ndarray]:
        """`count` items, uniformly and with replacement; the same for the same pool and `step`."""
        places = np.random.default_rng((_SEED, step)).integers(0, len(self), count)
        return {name: column[places] for name, column in self.columns.items()}

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
