"""The items that came last, with their tower's inputs: where uniform negatives are drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.fields import Field
from online_trainer.learners.newest_items import NewestItems

_SEED = 20_19


class ItemPool(NewestItems):
    """The newest distinct items, as the candidate tower takes them.

    Args:
        fields: of the candidate tower, `item_id` among them.
        capacity: most items.
    """

    def __init__(self, fields: Sequence[Field], capacity: int = 16_384) -> None:
        shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
            f.name: (f.shape, np.dtype(np.int64 if f.is_id else np.float32)) for f in fields
        }
        super().__init__(shapes, capacity)

    def draw(self, count: int, step: int) -> dict[str, np.ndarray]:
        """`count` items, uniformly and with replacement; the same for the same pool and `step`."""
        places = np.random.default_rng((_SEED, step)).integers(0, len(self), count)
        return {name: column[places] for name, column in self.columns.items()}
