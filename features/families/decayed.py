"""Sums that fade: what all families of decayed numbers have in common.

A sum c of half-life h, as of u, is c * 2**(-(t - u) / h) + w after an event at t >= u that weighs
w. An event from before u weighs w * 2**(-(u - t) / h).
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from features.decay import shares
from features.families.family import Block, Columns, States
from features.families.packing import floats
from features.feature import Feature, View
from features.rounds import Rounds
from features.update import EventColumns


def decayed_column(name: str, view: View, half_life_s: float, counts: str | None = None) -> Feature:
    """The column of one decayed number; models take its logarithm."""
    return Feature(
        name,
        view,
        "float32",
        default=0.0,
        counts=counts,
        half_life_s=half_life_s,
        encoding="log",
    )


class DecayedSums(Block):
    """Several sums of one entity.

    Args:
        names: of the columns.
        keys: of the stored parts.
        half_lives_s: seconds.
        field: of the values.
    """

    def __init__(
        self, names: Sequence[str], keys: Sequence[str], half_lives_s: Sequence[float], field: str
    ) -> None:
        self._names, self.keys, self._field = tuple(names), tuple(keys), field
        self.fields = ((field, "<f8", len(self._names)),)
        self._half_lives_s = tuple(half_lives_s)
        distinct = sorted(set(half_lives_s))
        # Exponents per second of the distinct half-lives, and which of them each sum has.
        self._rates = np.array([-1.0 / half_life for half_life in distinct])
        self._rate_of = [distinct.index(half_life) for half_life in half_lives_s]

    @abstractmethod
    def weights(self, events: EventColumns, is_new: np.ndarray) -> np.ndarray:
        """Weight of each event in each sum, (events, sums).

        Args:
            is_new: (events,) whether each is by somebody new to the entity.
        """

    def left(self, ages_s: np.ndarray) -> np.ndarray:
        """Remaining share of each sum after (events,) seconds, (events, sums)."""
        return np.exp2(ages_s[:, None] * self._rates)[:, self._rate_of]

    def advance(
        self, rows: np.ndarray, rounds: Rounds, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        is_new = self._advance_people(rows, rounds, events)
        left = self.left(ages_s)[rounds.order]
        weights = self.weights(events, is_new)[rounds.order]
        sums = rows[self._field]
        for before, after, part in rounds:
            sums[after] = sums[before] * left[part] + weights[part]

    def absorb(
        self, old: np.ndarray, new: np.ndarray, ages_s: np.ndarray, events: EventColumns
    ) -> None:
        weights = self.weights(events, self._absorb_people(old, new, events))
        new[self._field] = old[self._field] + weights * self.left(ages_s)

    def arrow(self, states: States, times: np.ndarray | None) -> Columns:
        sums = states.values[self._field]
        left: dict[float, Any] = dict.fromkeys(self._half_lives_s, np.float32(1.0))
        if times is not None:
            left = {h: shares(times - states.times, h) for h in left}
        return {
            name: pa.array((sums[:, n] * left[half_life]).astype(np.float32))
            for n, (name, half_life) in enumerate(zip(self._names, self._half_lives_s, strict=True))
        }

    def packed(self, values: np.ndarray) -> list[pa.Array | bytes]:
        return [floats(values[self._field])]

    def unpack(self, values: np.ndarray, part: int, stored: Sequence[Any]) -> None:
        values[self._field][:, part] = stored

    def age(self, values: np.ndarray, part: int, ages_s: np.ndarray) -> None:
        values[self._field][:, part] *= np.exp2(ages_s * self._rates[self._rate_of[part]])

    def _advance_people(self, rows: np.ndarray, rounds: Rounds, events: EventColumns) -> np.ndarray:
        """Fill in who has been counted; (events,) bool, whether each is by somebody new."""
        return np.ones(len(events.times), np.bool_)

    def _absorb_people(self, old: np.ndarray, new: np.ndarray, events: EventColumns) -> np.ndarray:
        """The same for events from before the base."""
        return np.ones(len(events.times), np.bool_)
