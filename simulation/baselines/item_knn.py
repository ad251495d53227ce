"""Item neighbours: cosine of the sessions that two items were in, over the whole log so far.

The cosine is that of `models.collaborative.neighbours`.
"""

import numpy as np

from models.collaborative.neighbours import cosine
from simulation.baselines.baseline import Moment, best, filled
from simulation.baselines.cooccurrence import Pairs

_FOREVER_S = 1e18
# Of a session the last so many items are looked at, each counting so much of the one after it.
LATEST, FADING = 20, 0.9


class ItemNeighbours:
    """The nearest items of the session's last ones, then what was met most in all.

    Args:
        size: how many items the log has.
    """

    def __init__(self, size: int, name: str) -> None:
        self.name = name
        self._pairs = Pairs(_FOREVER_S)
        self._counts = np.zeros(size)

    def tell(self, moment: Moment, item: int) -> None:
        """Count the item and its pairs."""
        self._pairs.add(moment, item)
        self._counts[item] += 1.0

    def rank(self, moment: Moment, k: int) -> np.ndarray:
        """Items by cosine, then by count."""
        scores = np.zeros(len(self._counts))
        for steps, item in enumerate(moment.items[: -LATEST - 1 : -1]):
            others, shared = self._pairs.of(item, moment.time_s)
            near = cosine(shared, self._counts[item], self._counts[others])
            scores[others] += FADING**steps * near
        return filled(best(scores, k, moment.items), best(self._counts, k, moment.items), k)
