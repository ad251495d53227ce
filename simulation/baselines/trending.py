"""Trending: items that are met more often now than they were.

score = short * (short + prior) / (long + prior): two decayed counts, the long one brought to what a
steady item would have in the short one.
"""

import numpy as np

from simulation.baselines.baseline import Moment, best
from simulation.baselines.decay import Decayed

# Events a half-life of the short count that an item is taken to have had anyway.
PRIOR = 5.0


class Trending:
    """The items whose short-lived count is greatest beside their long-lived one.

    Args:
        size: how many items the log has.
        short_s, long_s: half-lives.
    """

    def __init__(self, size: int, short_s: float, long_s: float, name: str) -> None:
        self.name = name
        self._short, self._long = Decayed(size, short_s), Decayed(size, long_s)
        self._share = short_s / long_s

    def tell(self, moment: Moment, item: int) -> None:
        """Count the event in both."""
        self._short.add(item, moment.time_s)
        self._long.add(item, moment.time_s)

    def rank(self, moment: Moment, k: int) -> np.ndarray:
        """The same list for everybody, without the session's items."""
        short = self._short.counts(moment.time_s)
        steady = self._long.counts(moment.time_s) * self._share
        score = np.where(short > 0, short * (short + PRIOR) / (steady + PRIOR), 0.0)
        return best(score, k, moment.items)
