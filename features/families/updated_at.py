"""Time of an entity's newest event."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from features.families.family import Block, Columns, Family, States
from features.feature import Feature
from features.rounds import Rounds
from features.update import EventColumns


class UpdatedAt(Family):
    """Unix seconds of the newest event; every decayed column is as of it."""

    def columns(self) -> tuple[Feature, ...]:
        return (Feature(self.name, self.view, "float64", default=0.0, encoding="age"),)

    @classmethod
    def blocks(cls, features: Sequence[Any]) -> list[Block]:
        return [_UpdatedAt(feature.name) for feature in features]


class _UpdatedAt(Block):
    """No state of its own: it is the time of the entity's state."""

    fields, keys = (), ()

    def __init__(self, name: str) -> None:
        self._name = name

    def advance(
        self, rows: np.ndarray, rounds: Rounds, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        """Nothing to fill in."""

    def absorb(
        self, old: np.ndarray, new: np.ndarray, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        """Nothing to fill in."""

    def arrow(self, states: States, times: np.ndarray | None) -> Columns:
        return {self._name: pa.array(states.times)}

    def packed(self, values: np.ndarray) -> list[pa.Array | bytes]:
        return []

    def unpack(self, values: np.ndarray, part: int, stored: Sequence[Any]) -> None:
        """Nothing is stored."""
