"""Decayed counts of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from features.families.decayed import DecayedSums, decayed_column
from features.families.family import Block, Family
from features.families.packing import rows_of, whole
from features.feature import Feature
from features.interner import KINDS
from features.rounds import Rounds
from features.update import EventColumns, Needs
from millstream.errors import ConfigurationError

# Weight of an event, of a positive one, of a positive one by somebody new.
_WEIGHTS = {"events": (1.0, 1.0, 1.0), "positives": (0.0, 1.0, 1.0), "people": (0.0, 0.0, 1.0)}
# Whose positives made `people` grow last: so many are kept in mind.
VOTERS = 16


@dataclass(frozen=True)
class Count(Family):
    """A count that loses half of its value in `half_life_s`.

    Args:
        of: `events`, `positives`, `people`, or event kinds. `people` are positives, each person's
            once: their next ones count when `VOTERS` others have come between.
        half_life_s: seconds.
    """

    of: str | tuple[str, ...] = "events"
    half_life_s: float = 86_400.0

    def __post_init__(self) -> None:
        if isinstance(self.of, str) and self.of not in _WEIGHTS:
            raise ConfigurationError(
                f"`of` must be one of {sorted(_WEIGHTS)} or a tuple of event kinds. "
                f"Received: {self.of!r} for {self.name!r}."
            )

    @property
    def counted(self) -> str:
        """The counted events, in one word."""
        return self.of if isinstance(self.of, str) else "+".join(sorted(self.of))

    def columns(self) -> tuple[Feature, ...]:
        return (decayed_column(self.name, self.view, self.half_life_s, self.counted),)

    @classmethod
    def blocks(cls, features: Sequence[Any]) -> list[Block]:
        return [_Counts(features)] if features else []


class _Counts(DecayedSums):
    """All counts of one entity, and whose positives made `people` grow last, the newest first.

    These voters are one part of their own, shared by all counts of `people`: one that is added
    later knows from the start who has been counted.
    """

    def __init__(self, features: Sequence[Count]) -> None:
        keys = [feature.key(feature.counted, float(feature.half_life_s)) for feature in features]
        super().__init__(
            [f.name for f in features], keys, [f.half_life_s for f in features], "counts"
        )
        self._has_people = any(feature.of == "people" for feature in features)
        if self._has_people:
            self.fields = (*self.fields, ("voters", "<u4", VOTERS))
            self.keys = (*self.keys, f"{features[0].view.entity}_voters {VOTERS}")
        # By what an event is worth (0 to 2): its weight in each count.
        none = (0.0, 0.0, 0.0)
        self._weights = np.array([_WEIGHTS.get(f.counted, none) for f in features]).T
        self._kinds = {
            n: np.array(KINDS.numbers(f.of), np.int32)
            for n, f in enumerate(features)
            if not isinstance(f.of, str)
        }
        self.needs = Needs(kinds=bool(self._kinds))

    def weights(self, events: EventColumns, is_new: np.ndarray) -> np.ndarray:
        weights: np.ndarray = self._weights[events.positive * (1 + is_new.astype(np.intp))]
        for n, kinds in self._kinds.items():
            weights[:, n] = np.isin(events.kinds, kinds)
        return weights

    def packed(self, values: np.ndarray) -> list[pa.Array | bytes]:
        counts = super().packed(values)
        return [*counts, *whole(values["voters"])] if self._has_people else counts

    def unpack(self, values: np.ndarray, part: int, stored: Sequence[Any]) -> None:
        if part == len(self._names):
            rows_of(stored, values["voters"])
        else:
            super().unpack(values, part, stored)

    def age(self, values: np.ndarray, part: int, ages_s: np.ndarray) -> None:
        if part < len(self._names):
            super().age(values, part, ages_s)

    def _advance_people(self, rows: np.ndarray, rounds: Rounds, events: EventColumns) -> np.ndarray:
        if not self._has_people:
            return super()._advance_people(rows, rounds, events)
        is_new, in_order = (
            np.empty(len(events.times), np.bool_),
            np.empty(len(events.times), np.bool_),
        )
        people, order = rows["voters"], rounds.order
        positive, voters = events.positive[order, None], events.voters[order, None]
        for before, after, part in rounds:
            people[after], in_order[part] = _voted(people[before], positive[part], voters[part])
        is_new[order] = in_order
        return is_new

    def _absorb_people(self, old: np.ndarray, new: np.ndarray, events: EventColumns) -> np.ndarray:
        if not self._has_people:
            return super()._absorb_people(old, new, events)
        positive, voters = events.positive[:, None], events.voters[:, None]
        new["voters"], is_new = _voted(old["voters"], positive, voters)
        return is_new


def _voted(
    old: np.ndarray, positive: np.ndarray, voters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Voters after (rows, 1) events, and (rows,) bool: which events are by somebody new."""
    is_known = (old == voters).any(1)
    votes = positive > is_known[:, None]
    return np.where(votes, np.concatenate((voters, old[:, :-1]), 1), old), ~is_known
