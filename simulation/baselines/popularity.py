"""Popularity: clicks counted with a half-life."""

import numpy as np

from simulation.baselines.baseline import Moment, best
from simulation.baselines.decay import Decayed


class Popularity:
    """The items with the greatest decayed counts.

    Args:
        size: how many items the log has.
    """

    def __init__(self, size: int, half_life_s: float, name: str) -> None:
        self.name = name
        self.decayed = Decayed(size, half_life_s)

    def tell(self, moment: Moment, item: int) -> None:
        """Count the event."""
        self.decayed.add(item, moment.time_s)

    def rank(self, moment: Moment, k: int) -> np.ndarray:
        """The same list for everybody, without the session's items."""
        return best(self.decayed.scaled, k, moment.items)
