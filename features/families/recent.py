"""Items that a user met last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from features.families.family import Block, Columns, Family, States
from features.families.packing import list_array, numbers_of, rows_of, strings, used
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
        times: name of the column of their times, entry by entry; empty keeps none.
    """

    length: int = 20
    table: str = "item_id"
    kinds: tuple[str, ...] = ()
    times: str = ""

    def __post_init__(self) -> None:
        if self.view.entity != "user":
            raise ConfigurationError(f"A recent list must be a user's. Received: {self.name!r}.")

    def columns(self) -> tuple[Feature, ...]:
        items = Feature(
            self.name,
            self.view,
            "string_list",
            default=(),
            length=self.length,
            encoding="ids",
            table=self.table,
        )
        if not self.times:
            return (items,)
        ages = Feature(
            self.times, self.view, "float64_list", default=(), length=self.length, encoding="age"
        )
        return items, ages

    @classmethod
    def blocks(cls, features: Sequence[Any]) -> list[Block]:
        return [
            _RecentTimes(feature) if feature.times else _RecentItems(feature)
            for feature in features
        ]


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
        counts = self._counts(events, rounds)
        for before, after, part in rounds:
            old = column[before]
            new = _with_newest(old, items[part], _places(old, items[part]))
            column[after] = new if counts is None else np.where(counts[part], new, old)

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

    def _counts(self, events: EventColumns, rounds: Rounds) -> np.ndarray | None:
        """(events, 1) bool in the order of the rounds: which count; None where all do."""
        if not len(self._kinds):
            return None
        return np.asarray(np.isin(events.kinds, self._kinds)[rounds.order, None])


class _RecentTimes(_RecentItems):
    """The same with the time of each, Unix seconds; 0 where it is not known.

    The times are a part of their own, so that the items go on where times are added.
    """

    def __init__(self, feature: Recent) -> None:
        super().__init__(feature)
        self._times = feature.times
        self.fields = (*self.fields, (feature.times, "<f8", feature.length))
        self.keys = (*self.keys, feature.key("times", "+".join(sorted(feature.kinds))))

    def advance(
        self, rows: np.ndarray, rounds: Rounds, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        super().advance(rows, rounds, ages_s, events)
        recent, column = rows[self._name], rows[self._times]
        items, times = events.items[rounds.order], events.times[rounds.order]
        counts = self._counts(events, rounds)
        for before, after, part in rounds:
            old = column[before]
            new = _with_newest(old, times[part], _places(recent[before], items[part]))
            column[after] = new if counts is None else np.where(counts[part], new, old)

    def absorb(
        self, old: np.ndarray, new: np.ndarray, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        super().absorb(old, new, ages_s, events)
        new[self._times] = old[self._times]

    def arrow(self, states: States, times: np.ndarray | None) -> Columns:
        is_item = states.values[self._name] != NOTHING
        ages = pa.array(states.values[self._times][is_item])
        return {**super().arrow(states, times), self._times: list_array(is_item.sum(1), ages)}

    def packed(self, values: np.ndarray) -> list[pa.Array | bytes]:
        is_item = values[self._name] != NOTHING
        return [*super().packed(values), used(values[self._times], is_item)]

    def unpack(self, values: np.ndarray, part: int, stored: Sequence[Any]) -> None:
        if part == 0:
            super().unpack(values, part, stored)
        else:
            rows_of(stored, values[self._times])


def _places(recent: np.ndarray, items: np.ndarray) -> np.ndarray:
    """(rows, 1) place in (rows, length) lists that (rows,) items move to the front."""
    same = recent == items[:, None]
    return np.where(same.any(1), same.argmax(1), recent.shape[1] - 1)[:, None]


def _with_newest(entries: np.ndarray, newest: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(rows, length) with (rows,) newest in front, those before their place moved back by one."""
    moved = np.empty_like(entries)
    moved[:, 0] = newest
    is_moved = np.arange(1, entries.shape[1]) <= places
    moved[:, 1:] = np.where(is_moved, entries[:, :-1], entries[:, 1:])
    return moved
