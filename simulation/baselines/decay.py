"""Counts that decay, kept so that time alone costs nothing."""

import numpy as np

# Weights grow by 2 ** (age / half-life) in place of the past shrinking; before they overflow,
# everything is brought down.
_MOST_HALF_LIVES = 400.0


class Decayed:
    """One decayed count for each item.

    A count of an event at time u is 2 ** (-(t - u) / half_life) at time t. All are kept times the
    same growing factor, so that their order is right at any time without looking at them.

    Args:
        size: how many items there are.
    """

    def __init__(self, size: int, half_life_s: float) -> None:
        self.scaled = np.zeros(size)
        self._half_life_s = half_life_s
        self._origin_s: float | None = None

    def weight(self, time_s: float) -> float:
        """The factor of an event at `time_s`."""
        if self._origin_s is None:
            self._origin_s = time_s
        age = (time_s - self._origin_s) / self._half_life_s
        if age > _MOST_HALF_LIVES:
            self.scaled *= 2.0**-age
            self._origin_s, age = time_s, 0.0
        return float(2.0**age)

    def add(self, item: int, time_s: float) -> None:
        """Count an event."""
        weight = self.weight(time_s)
        self.scaled[item] += weight

    def counts(self, time_s: float) -> np.ndarray:
        """(size,) decayed counts as of `time_s`."""
        return self.scaled / self.weight(time_s)
