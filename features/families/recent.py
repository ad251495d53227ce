"""Items that a user met last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from features.families.family import Block, Columns, Family, States
from features.families.packing import list_array, numbers_of, strings
from features.feature import Feature
from features.interner import ITEMS, KINDS, NOTHING
from features.rounds import Rounds
from features.update import EventColumns, Needs
from millstream.errors import ConfigurationError


@dataclass(frozen=True)
class Recent(Family):
    """The items that a user met last, the newest first, each once.

    An event from before the base of a history changes nothing: its place is not known any more.

    Args:
        length: the most of them.
        table: the embedding table of the items.
        kinds: of the events that count; none are all.
    """

    length: int = 20
    table: str = "item_id"
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.view.entity != "user":
            raise ConfigurationError(f"A recent list must be a user's. Received: {self.name!r}.")

    def columns(self) -> tuple[Feature, ...]:
        return (
            Feature(
                self.name,
                self.view,
                "string_list",
                default=(),
                length=self.length,
                encoding="ids",
                table=self.table,
            ),
        )

    @classmethod
    def blocks(cls, features: Sequence[Any]) -> list[Block]:
        return [_RecentItems(feature) for feature in features]


class _RecentItems(Block):
    """Numbers of the items, padded at the end with 0."""

    def __init__(self, feature: Recent) -> None:
        self._name, self._length = feature.name, feature.length
        self.fields = ((feature.name, "<i4", feature.length),)
        self.keys = (feature.key("+".join(sorted(feature.kinds))),)
        self.needs = Needs(kinds=bool(feature.kinds))
        self._kinds = np.array(KINDS.numbers(feature.kinds), np.int32)

    def advance(
        self, rows: np.ndarray, rounds: Rounds, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        column, items = rows[self._name], events.items[rounds.order]
        if not len(self._kinds):
            for before, after, part in rounds:
                column[after] = _with_newest(column[before], items[part])
            return
        counts = np.isin(events.kinds, self._kinds)[rounds.order, None]
        for before, after, part in rounds:
            old = column[before]
            column[after] = np.where(counts[part], _with_newest(old, items[part]), old)

    def absorb(
        self, old: np.ndarray, new: np.ndarray, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        new[self._name] = old[self._name]

    def arrow(self, states: States, times: np.ndarray | None) -> Columns:
        items = states.values[self._name]
        is_item = items != NOTHING
        return {self._name: list_array(is_item.sum(1), ITEMS.column(items[is_item]))}

    def packed(self, values: np.ndarray) -> list[pa.Array | bytes]:
        return [strings(ITEMS, values[self._name])]

    def unpack(self, values: np.ndarray, part: int, stored: Sequence[Any]) -> None:
        numbers_of(ITEMS, stored, values[self._name])


def _with_newest(recent: np.ndarray, items: np.ndarray) -> np.ndarray:
    """(rows, length) with (rows,) items as their newest, no item twice."""
    length = recent.shape[1]
    same = recent == items[:, None]
    place = np.where(same.any(1), same.argmax(1), length - 1)
    moved = np.empty_like(recent)
    moved[:, 0] = items
    moved[:, 1:] = np.where(np.arange(1, length) <= place[:, None], recent[:, :-1], recent[:, 1:])
    return moved
