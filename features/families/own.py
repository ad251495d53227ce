"""Family of a project's own: a few numbers an entity, moved by each event, of which one is shown.

@dataclass(frozen=True)
class Longest(OwnNumbers):
    kinds: tuple[str, ...] = ()
    needs = Needs(kinds=True, values=True)

    def after(self, before, ages_s, events):
        counts = is_of(events, self.kinds)
        return np.where(counts[:, None], np.maximum(before, events.values[:, None]), before)

`features.from_domain` makes it of `family = "own"` in the domain file. Whoever needs more than some
numbers derives from `Family` and `Block`, as every family here does.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from features.families.family import Block, Columns, Family, States
from features.families.packing import floats
from features.feature import Encoding, Feature
from features.interner import KINDS
from features.rounds import Rounds
from features.update import EventColumns, Needs


def is_of(events: EventColumns, kinds: Sequence[str]) -> np.ndarray:
    """(events,) bool: which are of some kinds; the family's `needs` must ask for kinds."""
    return np.isin(events.kinds, np.array(KINDS.numbers(kinds), np.int32))


@dataclass(frozen=True)
class OwnNumbers(Family):
    """A number that a project computes from what an entity does, or what happens to it.

    Its fields beside `name` and `view` are the options of the domain file. Another value of one, or
    another `version`, begins anew. An event from before the base of a history changes nothing.

    Attributes:
        width: numbers that are kept; zeros before the first event.
        needs: parts of events that `after` reads.
        encoding: how models take the number: `log`, `scaled`, `age` of a time in Unix seconds, or
            None, which keeps it out of them.
        scale: divisor of the encoding `scaled`.
    """

    width: ClassVar[int] = 1
    needs: ClassVar[Needs] = Needs()
    encoding: ClassVar[Encoding | None] = "log"
    scale: ClassVar[float] = 1.0

    @abstractmethod
    def after(self, before: np.ndarray, ages_s: np.ndarray, events: EventColumns) -> np.ndarray:
        """Numbers after one event each.

        Args:
            before: (events, width) float64 before it; not to be changed.
            ages_s: (events,) seconds since the entity's event before.
            events: one for each row, of entities that differ.

        Returns:
            (events, width) finite numbers.
        """

    def shown(self, numbers: np.ndarray) -> np.ndarray:
        """(rows,) the value that is stored and learnt from, of (rows, width) numbers."""
        value: np.ndarray = numbers[:, 0]
        return value

    def columns(self) -> tuple[Feature, ...]:
        return (
            Feature(
                self.name,
                self.view,
                "float64" if self.encoding == "age" else "float32",
                default=0.0,
                encoding=self.encoding,
                scale=self.scale,
            ),
        )

    @classmethod
    def blocks(cls, features: Sequence[Any]) -> list[Block]:
        return [_Numbers(feature) for feature in features]


class _Numbers(Block):
    """The numbers of one feature."""

    def __init__(self, feature: OwnNumbers) -> None:
        self._own, self._name = feature, feature.name
        self.fields = ((feature.name, "<f8", feature.width),)
        options = (getattr(feature, each.name) for each in fields(feature))
        rule = [each for each in options if each not in (feature.name, feature.view)]
        self.keys = tuple(feature.key(n, *map(repr, rule)) for n in range(feature.width))
        self.needs = feature.needs

    def advance(
        self, rows: np.ndarray, rounds: Rounds, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        column = rows[self._name]
        for before, after, part in rounds:
            which = rounds.order[part]
            column[after] = self._own.after(column[before], ages_s[which], events.take(which))

    def absorb(
        self, old: np.ndarray, new: np.ndarray, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        new[self._name] = old[self._name]

    def arrow(self, states: States, times: np.ndarray | None) -> Columns:
        shown = self._own.shown(states.values[self._name])
        (column,) = self._own.columns()
        return {self._name: pa.array(np.asarray(shown, column.dtype))}

    def packed(self, values: np.ndarray) -> list[pa.Array | bytes]:
        return [floats(values[self._name])]

    def unpack(self, values: np.ndarray, part: int, stored: Sequence[Any]) -> None:
        values[self._name][:, part] = stored
