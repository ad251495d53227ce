"""Time of the newest event of some kinds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from features.families.family import Block, Columns, Family, States
from features.families.packing import floats
from features.feature import Feature
from features.interner import KINDS
from features.rounds import Rounds
from features.update import EventColumns, Needs
from millstream.errors import ConfigurationError


@dataclass(frozen=True)
class LastTime(Family):
    """Unix seconds of the newest event of some kinds, 0 for never.

    Models take the time since then, on a logarithmic scale.

    Args:
        kinds: of the events.
    """

    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ConfigurationError(f"`kinds` must not be empty. Received: {self.kinds!r}.")

    def columns(self) -> tuple[Feature, ...]:
        return (Feature(self.name, self.view, "float64", default=0.0, encoding="age"),)

    @classmethod
    def blocks(cls, features: Sequence[Any]) -> list[Block]:
        return [_LastTime(feature) for feature in features]


class _LastTime(Block):
    """One time."""

    def __init__(self, feature: LastTime) -> None:
        self._name = feature.name
        self.fields = ((feature.name, "<f8", 1),)
        self.keys = (feature.key("+".join(sorted(feature.kinds))),)
        self.needs = Needs(kinds=True)
        self._kinds = np.array(KINDS.numbers(feature.kinds), np.int32)

    def advance(
        self, rows: np.ndarray, rounds: Rounds, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        times, column = self._times(events)[rounds.order], rows[self._name]
        for before, after, part in rounds:
            column[after] = np.maximum(column[before], times[part])

    def absorb(
        self, old: np.ndarray, new: np.ndarray, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        new[self._name] = np.maximum(old[self._name], self._times(events))

    def arrow(self, states: States, times: np.ndarray | None) -> Columns:
        return {self._name: pa.array(states.values[self._name][:, 0])}

    def packed(self, values: np.ndarray) -> list[pa.Array | bytes]:
        return [floats(values[self._name])]

    def unpack(self, values: np.ndarray, part: int, stored: Sequence[Any]) -> None:
        values[self._name][:, 0] = stored

    def _times(self, events: EventColumns) -> np.ndarray:
        """(events, 1) times, 0 of what does not count."""
        return np.where(np.isin(events.kinds, self._kinds), events.times, 0.0)[:, None]
