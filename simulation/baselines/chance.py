"""Chance: what any list must beat."""

import numpy as np

from simulation.baselines.baseline import Moment


class Chance:
    """Items drawn uniformly from those that were met.

    Args:
        size: how many items the log has.
        seed: of the draws.
    """

    def __init__(self, size: int, name: str, seed: int = 0) -> None:
        self.name = name
        self._known: list[int] = []
        self._is_known = np.zeros(size, np.bool_)
        self._rng = np.random.default_rng(seed)

    def tell(self, moment: Moment, item: int) -> None:
        """The item is known from now on."""
        if not self._is_known[item]:
            self._is_known[item] = True
            self._known.append(item)

    def rank(self, moment: Moment, k: int) -> np.ndarray:
        """A draw without replacement, without the session's items."""
        count = min(len(self._known), k + len(moment.items))
        drawn = self._rng.choice(max(len(self._known), 1), count, replace=False)
        items = np.array([self._known[n] for n in drawn.tolist()], np.int64)
        return items[~np.isin(items, moment.items)][:k]
