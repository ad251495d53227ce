"""Decayed counts: which ones an entity has, and how an event moves them.

A count c of half-life h, as of u, is c * 2**(-(t - u) / h) + w after an event at t >= u, where w is
1 if the count takes this event and 0 if not.
"""

from collections.abc import Sequence
from math import exp2, inf

from features.feature import Entity, Feature
from features.spec import FEATURES

Counts = tuple[float, ...]


class Counters:
    """The decayed counts of one entity, in the order of the spec.

    Args:
        features: one per count.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = tuple(features)
        # By whether an event is positive: each count's exponent per second, and what it takes.
        self._steps = {
            positive: [
                (-1.0 / (f.half_life_s or inf), float(positive or f.counts == "events"))
                for f in self.features
            ]
            for positive in (False, True)
        }

    @property
    def empty(self) -> Counts:
        """No event yet."""
        return (0.0,) * len(self.features)

    def advanced(self, counts: Counts, age_s: float, positive: bool) -> Counts:
        """`counts`, as of `age_s` seconds before an event, right after that event."""
        steps = zip(counts, self._steps[positive], strict=True)
        return tuple([count * exp2(age_s * rate) + taken for count, (rate, taken) in steps])

    def absorbed(self, counts: Counts, age_s: float, positive: bool) -> Counts:
        """`counts` with an event that was `age_s` seconds before the time they are as of."""
        steps = zip(counts, self._steps[positive], strict=True)
        return tuple([count + taken * exp2(age_s * rate) for count, (rate, taken) in steps])


def counters_of(entity: Entity) -> Counters:
    """The counts of `entity` in `features/spec.py`."""
    return Counters(tuple(f for f in FEATURES if f.entity == entity and f.counts))
