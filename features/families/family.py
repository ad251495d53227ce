"""The questions that a feature answers to its neighbours.

A `Family` is a feature as it is declared: its name, its view and its options. It says which stored
columns it has. What is computed from events has a state beside: a `Block` holds it for one or
several features of one family, as fields of one row an entity, and knows the only update rule.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from features.feature import Feature, ModelInput, View
from features.rounds import Rounds
from features.update import EventColumns, Needs

Columns = dict[str, pa.Array]


class States(NamedTuple):
    """States of many entities: times (rows,), and their values (rows,) of a structured dtype."""

    times: np.ndarray
    values: np.ndarray

    def take(self, rows: np.ndarray) -> "States":
        """Some of them."""
        return States(self.times[rows], self.values[rows])


@dataclass(frozen=True)
class Family(ABC):
    """A declared feature.

    Args:
        name: unique; begins with its entity.
        view: the view that its columns are written with.
    """

    name: str
    view: View

    # Of the stored layout and the update rule: another number makes stored state begin anew.
    version: ClassVar[int] = 1

    @abstractmethod
    def columns(self) -> tuple[Feature, ...]:
        """The stored columns."""

    def cross_inputs(self) -> tuple[ModelInput, ...]:
        """Model inputs of user and item together, computed by `features/encode.py`."""
        return ()

    def reads(self) -> tuple[str, ...]:
        """Names of the stored columns that its derived and cross inputs are computed from."""
        return ()

    def key(self, *rule: object) -> str:
        """Name of a part of the state; `rule` holds the options that change what it means."""
        return " ".join(map(str, (self.name, type(self).__name__.lower(), self.version, *rule)))

    @classmethod
    def blocks(cls, features: Sequence[Any]) -> "list[Block]":
        """The states of all features of this family that one entity has; none where it has none."""
        return []


class Block(ABC):
    """State of one or several features, as fields of the values of many entities.

    Attributes:
        fields: (name, dtype, shape) of its part of a row; a row of zeros is an entity without
            events.
        keys: of its stored parts (`Family.key`).
        needs: parts of events that the rule asks for.
    """

    fields: tuple[tuple[str, str, int], ...]
    keys: tuple[str, ...]
    needs: Needs = Needs()

    @abstractmethod
    def advance(
        self, rows: np.ndarray, rounds: Rounds, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        """Fill in the values after each event.

        Args:
            rows: (entities + events,) values, of which the first ones are given.
            ages_s: (events,) seconds since the entity's event before.
        """

    @abstractmethod
    def absorb(
        self, old: np.ndarray, new: np.ndarray, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        """Fill in values with an event each from before the time that they are as of.

        Args:
            old, new: (events,) values without and with it.
            ages_s: (events,) seconds from the event to that time.
        """

    @abstractmethod
    def arrow(self, states: States, times: np.ndarray | None) -> Columns:
        """The stored columns as of the states' own times, or as of `times`, (rows,)."""

    @abstractmethod
    def packed(self, values: np.ndarray) -> list[pa.Array | bytes]:
        """Row by row the parts as msgpack, one value for each of `keys`."""

    @abstractmethod
    def unpack(self, values: np.ndarray, part: int, stored: Sequence[Any]) -> None:
        """Fill in one part of (rows,) values from what msgpack gives."""

    def age(self, values: np.ndarray, part: int, ages_s: np.ndarray) -> None:
        """Bring one part of (rows,) values to a time that is (rows,) seconds later."""
        return
