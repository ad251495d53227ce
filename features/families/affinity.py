"""Affinity of an entity to the entries of a list that its events come with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from features.decay import shares
from features.families.family import Block, Columns, Family, States
from features.families.packing import (
    ARRAY_OF_THREE,
    list_array,
    numbers_of,
    rows_of,
    strings,
    used,
)
from features.families.strengths import Strengths
from features.feature import Feature, ModelInput
from features.interner import NOTHING, interner_of
from features.rounds import Rounds
from features.stores.binary import joined
from features.update import EventColumns, Needs
from millstream.errors import ConfigurationError

TRACKED_PER_TOP = 4


@dataclass(frozen=True)
class Affinity(Family):
    """The entries of a list that an entity's events came with most, with decayed counts of each.

    A user's is to a list attribute of the items (`to="item_categories"`), as of each event. An
    item's is to a recent list of the users (`to="user_recent_items"`), as of right before each
    event: what people had met before they met the item, its predecessors.

    Args:
        to: the column of the other entity that holds the list.
        top: the most entries of the columns, the strongest first.
        half_life_s: of the counts, seconds.
        table: the embedding table of the entries; None keeps them out of the models' own inputs.
        events, positives: names of the columns of counts; `<name>_events` and `<name>_positives`
            where they are missing.
        depth: only the first so many entries of the list count; None are all.
        tracked: the most entries that are kept in mind; four times `top` where it is missing.
        inputs: names of the model inputs that match it with the list of the candidate or the user
            (rate of positives, log count); none where it is empty.
        fading: weight in that match of each entry of the other list, as a share of the one's before
            it: below 1 the newest of somebody's recent items says most.
    """

    to: str = ""
    top: int = 8
    half_life_s: float = 30 * 86_400.0
    table: str | None = None
    events: str = ""
    positives: str = ""
    depth: int | None = None
    tracked: int | None = None
    inputs: tuple[str, ...] = ()
    fading: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.fading <= 1.0:
            raise ConfigurationError(
                f"`fading` must be above 0 and at most 1. Received: {self.fading!r} for "
                f"{self.name!r}."
            )
        other = "item" if self.view.entity == "user" else "user"
        if not self.to.startswith(f"{other}_"):
            raise ConfigurationError(
                f"`to` must be a list of the other entity, `{other}_...`. "
                f"Received: {self.to!r} for {self.name!r}."
            )
        if len(self.inputs) not in (0, 2):
            raise ConfigurationError(
                f"`inputs` must be two names or none. Received: {self.inputs!r} for {self.name!r}."
            )

    @property
    def events_column(self) -> str:
        """The column of decayed events of each entry."""
        return self.events or f"{self.name}_events"

    @property
    def positives_column(self) -> str:
        """The column of decayed positives of each entry."""
        return self.positives or f"{self.name}_positives"

    def columns(self) -> tuple[Feature, ...]:
        entries = Feature(
            self.name,
            self.view,
            "string_list",
            default=(),
            length=self.top,
            encoding="ids" if self.table else None,
            table=self.table,
        )
        strengths = [
            Feature(
                name,
                self.view,
                "float32_list",
                default=(),
                length=self.top,
                half_life_s=self.half_life_s,
            )
            for name in (self.events_column, self.positives_column)
        ]
        return entries, *strengths

    def cross_inputs(self) -> tuple[ModelInput, ...]:
        return tuple(ModelInput(name, "float", "cross") for name in self.inputs)

    def reads(self) -> tuple[str, ...]:
        return self.to, *(column.name for column in self.columns())

    @classmethod
    def blocks(cls, features: Sequence[Any]) -> list[Block]:
        return [_Affinities(feature) for feature in features]


class _Affinities(Block):
    """Entries as numbers of the interner, the strongest first, with their events and positives."""

    def __init__(self, feature: Affinity) -> None:
        self._feature, self._interner = feature, interner_of(feature.to)
        self._tracked = feature.tracked or TRACKED_PER_TOP * feature.top
        self._names, self._events, self._positives = (
            f"{feature.name}.{part}" for part in ("entries", "events", "positives")
        )
        self.fields = (
            (self._events, "<f8", self._tracked),
            (self._positives, "<f8", self._tracked),
            (self._names, "<i4", self._tracked),
        )
        self.keys = (feature.key(feature.to, float(feature.half_life_s), feature.depth or "all"),)
        self.needs = Needs(lists={feature.to: feature.depth})

    def advance(
        self, rows: np.ndarray, rounds: Rounds, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        order = rounds.order
        left = self._left(ages_s)[order, None]
        positive, entries = events.positive[order], self._entries(events)[order]
        weights = np.ones(len(positive))
        for before, after, part in rounds:
            self._step(
                rows[before], rows[after], left[part], entries[part], positive[part], weights[part]
            )

    def absorb(
        self, old: np.ndarray, new: np.ndarray, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        whole = np.ones((len(ages_s), 1))
        self._step(old, new, whole, self._entries(events), events.positive, self._left(ages_s))

    def arrow(self, states: States, times: np.ndarray | None) -> Columns:
        feature, values = self._feature, states.values
        entries = values[self._names][:, : feature.top]
        is_used = entries != NOTHING
        lengths = is_used.sum(1)
        left: Any = np.float32(1.0)
        if times is not None:
            left = np.repeat(shares(times - states.times, feature.half_life_s), lengths)
        counts = (
            pa.array((values[field][:, : feature.top][is_used] * left).astype(np.float32))
            for field in (self._events, self._positives)
        )
        columns = self._interner.column(entries[is_used]), *counts
        names = (column.name for column in feature.columns())
        return {n: list_array(lengths, column) for n, column in zip(names, columns, strict=True)}

    def packed(self, values: np.ndarray) -> list[pa.Array | bytes]:
        is_used = values[self._names] != NOTHING
        return [
            joined(
                ARRAY_OF_THREE,
                strings(self._interner, values[self._names]),
                used(values[self._events], is_used),
                used(values[self._positives], is_used),
            )
        ]

    def unpack(self, values: np.ndarray, part: int, stored: Sequence[Any]) -> None:
        names, events, positives = zip(*stored, strict=True)
        numbers_of(self._interner, names, values[self._names])
        rows_of(events, values[self._events])
        rows_of(positives, values[self._positives])

    def age(self, values: np.ndarray, part: int, ages_s: np.ndarray) -> None:
        left = self._left(ages_s)[:, None]
        values[self._events] *= left
        values[self._positives] *= left

    def _left(self, ages_s: np.ndarray) -> np.ndarray:
        return np.exp2(-ages_s / self._feature.half_life_s)

    def _entries(self, events: EventColumns) -> np.ndarray:
        return events.lists[self._feature.to][:, : self._feature.depth]

    def _step(
        self,
        old: np.ndarray,
        new: np.ndarray,
        left: np.ndarray,
        entries: np.ndarray,
        positive: np.ndarray,
        weights: np.ndarray,
    ) -> None:
        """One event of each of (rows,) entities, which weighs `weights`."""
        strengths = Strengths(
            old[self._names], old[self._events], old[self._positives], left, entries.shape[1]
        )
        for column in entries.T:
            strengths.add(column, positive, weights)
        fields = new[self._names], new[self._events], new[self._positives]
        strengths.write(*fields)
