"""Decayed counts: which ones an entity has, and how an event moves them.

A count c of half-life h, as of u, is c * 2**(-(t - u) / h) + w after an event at t >= u, where w is
1 if the count takes this event and 0 if not.
"""

from dataclasses import dataclass
from math import exp2

from features.feature import Entity, Feature
from features.spec import FEATURES

Counts = tuple[float, ...]


@dataclass(frozen=True)
class Counters:
    """The decayed counts of one entity, in the order of the spec.

    Args:
        features: one per count.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        rates = tuple(-1.0 / (feature.half_life_s or float("inf")) for feature in self.features)
        object.__setattr__(self, "_rates", rates)
        takes = {
            positive: tuple(float(positive or f.counts == "events") for f in self.features)
            for positive in (False, True)
        }
        object.__setattr__(self, "_takes", takes)

    @property
    def empty(self) -> Counts:
        """No event yet."""
        return (0.0,) * len(self.features)

    def advanced(self, counts: Counts, age_s: float, positive: bool) -> Counts:
        """`counts`, as of `age_s` seconds before an event, right after that event."""
        taken = self._takes[positive]  # type: ignore[attr-defined]
        rates = self._rates  # type: ignore[attr-defined]
        return tuple(
            [
                count * exp2(age_s * rate) + one
                for count, rate, one in zip(counts, rates, taken, strict=True)
            ]
        )

    def absorbed(self, counts: Counts, age_s: float, positive: bool) -> Counts:
        """`counts` with an event that was `age_s` seconds before the time they are as of."""
        taken = self._takes[positive]  # type: ignore[attr-defined]
        rates = self._rates  # type: ignore[attr-defined]
        return tuple(
            [
                count + one * exp2(age_s * rate)
                for count, rate, one in zip(counts, rates, taken, strict=True)
            ]
        )


def counters_of(entity: Entity) -> Counters:
    """The counts of `entity` in `features/spec.py`."""
    return Counters(tuple(f for f in FEATURES if f.entity == entity and f.counts))
