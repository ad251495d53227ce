"""Decayed counts: which ones an entity has, and how an event moves them.

A count c of half-life h, as of u, is c * 2**(-(t - u) / h) + w after an event at t >= u, where w is
1 if the count takes this event and 0 if not: `events` take all, `positives` the positive ones,
`people` those of them that are by somebody new.
"""

from collections.abc import Sequence
from math import inf

import numpy as np

from features.feature import Entity, Feature
from features.spec import FEATURES

Counts = tuple[float, ...]

# What a count of each kind takes: of an event, a positive one, a positive one by somebody new.
_TAKES = {"events": (1.0, 1.0, 1.0), "positives": (0.0, 1.0, 1.0), "people": (0.0, 0.0, 1.0)}


class Counters:
    """The decayed counts of one entity, in the order of the spec.

    One event (`advanced`) or many (`left` and `taken`): the steps, and so the bits, are the same.

    Args:
        features: one per count.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = tuple(features)
        half_lives = [f.half_life_s or inf for f in self.features]
        distinct = sorted(set(half_lives))
        # Exponents per second of the distinct half-lives, and which of them each count has.
        self._rates = np.array([-1.0 / half_life for half_life in distinct])
        self._rate_of = [distinct.index(half_life) for half_life in half_lives]
        # By what an event is worth (0 to 2): what each count takes of it.
        self._taken = np.array([_TAKES[f.counts or "events"] for f in self.features]).T
        self._taken_of_one: list[list[float]] = self._taken.tolist()

    @property
    def empty(self) -> Counts:
        """No event yet."""
        return (0.0,) * len(self.features)

    def advanced(self, counts: Counts, age_s: float, positive: bool, is_new: bool = True) -> Counts:
        """`counts`, as of `age_s` seconds before an event, right after that event.

        Args:
            is_new: whether a positive is by somebody new.
        """
        taken = self._taken_of_one[positive * (1 + is_new)]
        steps = zip(counts, self._left_of_one(age_s), taken, strict=True)
        return tuple([count * left + taken for count, left, taken in steps])

    def absorbed(self, counts: Counts, age_s: float, positive: bool, is_new: bool = True) -> Counts:
        """`counts` with an event that was `age_s` seconds before the time they are as of."""
        taken = self._taken_of_one[positive * (1 + is_new)]
        steps = zip(counts, self._left_of_one(age_s), taken, strict=True)
        return tuple([count + taken * left for count, left, taken in steps])

    def left(self, ages_s: np.ndarray) -> np.ndarray:
        """Remaining share of each count after (events,) seconds, (events, counts)."""
        return np.exp2(ages_s[:, None] * self._rates)[:, self._rate_of]

    def taken(self, positive: np.ndarray, is_new: np.ndarray | bool = True) -> np.ndarray:
        """Increment of each count by events that are positive or not, (events, counts)."""
        return self._taken[positive * (1 + np.asarray(is_new, np.intp))]

    def _left_of_one(self, age_s: float) -> list[float]:
        left = np.exp2(age_s * self._rates).tolist()
        return [left[place] for place in self._rate_of]


def counters_of(entity: Entity) -> Counters:
    """The counts of `entity` in `features/spec.py`."""
    return Counters(tuple(f for f in FEATURES if f.entity == entity and f.counts))
