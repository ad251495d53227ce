"""Users and items as rows: the states of all their features side by side, and one update rule.

A state holds an entity's values as of its time, right after an event. The stream writes the newest
state as a feature row, and gives an example the state before its own time.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import xxhash

from features.families import Family
from features.families.family import Block, Columns, States
from features.feature import Entity
from features.rounds import Rounds
from features.spec import DECLARED, RECENT
from features.update import EventColumns, Needs
from millstream.errors import ConfigurationError


class State(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An entity right after an event at `time`.

    Args:
        values: bytes of an `EntityRule.layout`.
    """

    time: float
    values: bytes


# Of an entity whose features have no state: a row must have some width.
_NOTHING = ("nothing", "u1", 1)


def fingerprint(key: str) -> int:
    """A part's key (`Family.key`) as 32 bits."""
    return xxhash.xxh32_intdigest(key.encode())


class EntityRule:
    """Layout and update rule of the users, or of the items.

    Args:
        entity: which of the two.
        declared: the features; those of the other entity are left out.

    Attributes:
        layout: dtype of a row of values.
        empty: the state before any event; its time is 0.
        parts: block and place in it of every stored part by its fingerprint, in stored order.
        needs: parts of events that the rule asks for.
        recent: the field that holds what a user met last; None where there is none.
    """

    def __init__(self, entity: Entity, declared: Iterable[Family]) -> None:
        own = [feature for feature in declared if feature.view.entity == entity]
        self.entity, self.blocks = entity, _blocks(own)
        fields = [field for block in self.blocks for field in block.fields] or [_NOTHING]
        fields.sort(key=lambda field: -np.dtype(field[1]).itemsize)  # else numbers lie askew
        self.layout: np.dtype[Any] = np.dtype(fields)
        self.empty = State(0.0, bytes(self.layout.itemsize))
        self.parts = _parts(self.blocks)
        self.needs = Needs()
        for block in self.blocks:
            self.needs |= block.needs
        self.recent = RECENT if any(feature.name == RECENT for feature in own) else None

    def advance(
        self, rows: np.ndarray, rounds: Rounds, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        """Fill in the values after each event, see `features.families.family.Block.advance`."""
        for block in self.blocks:
            block.advance(rows, rounds, ages_s, events)

    def absorbed(self, states: States, events: EventColumns) -> States:
        """(events,) states with an event each from before their times."""
        old, new = states.values, np.zeros_like(states.values)
        for block in self.blocks:
            block.absorb(old, new, states.times - events.times, events)
        return States(states.times, new)

    def arrow(self, states: States, times: Sequence[float] | np.ndarray | None = None) -> Columns:
        """The columns of the view: as of the states' own times, or as of `times`, (rows,)."""
        at = None if times is None else np.asarray(times, np.float64)
        return {name: c for block in self.blocks for name, c in block.arrow(states, at).items()}

    def packed(self, values: np.ndarray) -> list[pa.Array | bytes]:
        """Row by row all `parts` as msgpack."""
        return [part for block in self.blocks for part in block.packed(values)]

    def states_of(self, states: Sequence[State]) -> States:
        """Many states together."""
        times = np.array([state.time for state in states], np.float64)
        values = np.frombuffer(b"".join([state.values for state in states]), self.layout)
        return States(times, values)

    def each_of(self, states: States) -> list[State]:
        """Many states one by one."""
        size, values = self.layout.itemsize, states.values.tobytes()
        places = range(0, len(values), size)
        pairs = zip(states.times.tolist(), places, strict=True)
        return [State(time, values[place : place + size]) for time, place in pairs]

    def recent_of(self, states: States) -> np.ndarray:
        """(rows, length) items that users met last; without any where no feature keeps them."""
        if self.recent is None:
            return np.zeros((len(states.times), 0), np.int32)
        recent: np.ndarray = states.values[self.recent]
        return recent


def _blocks(features: Sequence[Family]) -> list[Block]:
    """Features of one family together, in the order in which the families first come."""
    families = dict.fromkeys(type(feature) for feature in features)
    return [
        block
        for family in families
        for block in family.blocks([f for f in features if type(f) is family])
    ]


def _parts(blocks: Sequence[Block]) -> dict[int, tuple[Block, int]]:
    parts: dict[int, tuple[Block, int]] = {}
    for block in blocks:
        for place, key in enumerate(block.keys):
            if fingerprint(key) in parts:
                raise ConfigurationError(f"Each feature must be declared once. Received: {key!r}.")
            parts[fingerprint(key)] = block, place
    return parts


USER_RULE = EntityRule("user", DECLARED)
ITEM_RULE = EntityRule("item", DECLARED)
