"""Decayed sums of what events are worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.families.decayed import DecayedSums, decayed_column
from features.families.family import Block, Family
from features.feature import Feature
from features.interner import KINDS
from features.update import EventColumns, Needs


@dataclass(frozen=True)
class ValueSum(Family):
    """The sum of `value` over events, which loses half of itself in `half_life_s`.

    An event without a value adds 0. Models take log(1 + sum); below 0 counts as 0 there.

    Args:
        half_life_s: seconds.
        kinds: of the events that count; none are all.
    """

    half_life_s: float = 86_400.0
    kinds: tuple[str, ...] = ()

    def columns(self) -> tuple[Feature, ...]:
        return (decayed_column(self.name, self.view, self.half_life_s),)

    @classmethod
    def blocks(cls, features: Sequence[Any]) -> list[Block]:
        return [_ValueSums(features)] if features else []


class _ValueSums(DecayedSums):
    """All sums of one entity."""

    def __init__(self, features: Sequence[ValueSum]) -> None:
        super().__init__(
            [f.name for f in features],
            [f.key("+".join(sorted(f.kinds)) or "all", float(f.half_life_s)) for f in features],
            [f.half_life_s for f in features],
            "value_sums",
        )
        self._kinds = [np.array(KINDS.numbers(f.kinds), np.int32) for f in features]
        self.needs = Needs(kinds=any(f.kinds for f in features), values=True)

    def weights(self, events: EventColumns, is_new: np.ndarray) -> np.ndarray:
        weights = np.repeat(events.values[:, None], len(self._kinds), 1)
        for n, kinds in enumerate(self._kinds):
            if len(kinds):
                weights[~np.isin(events.kinds, kinds), n] = 0.0
        return weights
