"""Model inputs that are computed from stored columns at the moment of scoring."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features import derived
from features.families.family import Family
from features.feature import Feature, ModelInput


@dataclass(frozen=True)
class DerivedInput(Family):
    """An input of one entity without a column and a state of its own."""

    def columns(self) -> tuple[Feature, ...]:
        return ()

    @property
    def model_input(self) -> ModelInput:
        """As models know it."""
        return ModelInput(self.name, "float", self.view.entity)

    @abstractmethod
    def encoded(
        self, values: Mapping[str, np.ndarray], columns: Mapping[str, Feature]
    ) -> np.ndarray:
        """(rows,) float32 from as-of values by column."""


@dataclass(frozen=True)
class Rate(DerivedInput):
    """Smoothed share of one count in another (`features.derived.smoothed_rate`).

    Args:
        part, whole: columns of counts.
    """

    part: str = ""
    whole: str = ""

    def reads(self) -> tuple[str, ...]:
        return self.part, self.whole

    def encoded(
        self, values: Mapping[str, np.ndarray], columns: Mapping[str, Feature]
    ) -> np.ndarray:
        return derived.smoothed_rate(values[self.part], values[self.whole])


@dataclass(frozen=True)
class Trend(DerivedInput):
    """log((fast + 1) / (slow * h_fast / h_slow + 1)) of two counts of the same events.

    A steady flow of r events a second makes a count of r * h / ln 2: 0 is steady, above 0 is more
    of late than before.

    Args:
        fast, slow: columns of counts, whose half-lives are h_fast and h_slow.
    """

    fast: str = ""
    slow: str = ""

    def reads(self) -> tuple[str, ...]:
        return self.fast, self.slow

    def encoded(
        self, values: Mapping[str, np.ndarray], columns: Mapping[str, Feature]
    ) -> np.ndarray:
        h_fast, h_slow = (columns[name].half_life_s or 1.0 for name in (self.fast, self.slow))
        fast, slow = derived.counted(values[self.fast]), derived.counted(values[self.slow])
        return (np.log1p(fast) - np.log1p(slow * (h_fast / h_slow))).astype(np.float32)
