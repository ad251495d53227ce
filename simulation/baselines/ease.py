"""EASE, refitted every hour on the sessions of the last day; see `models.collaborative.ease`."""

from collections import deque

import numpy as np
from scipy import sparse

from models.collaborative.ease import ease_weights
from simulation.baselines.baseline import Moment, best, filled
from simulation.baselines.decay import Decayed

MEMORY_S = 86_400.0
MOST_ITEMS = 1_500


class Ease:
    """The items that the session's ones predict, then the popular ones.

    Args:
        size: how many items the log has.
        refit_s: between two fits, seconds.
        regularisation: of the fit.
        popular_s: half-life of the popularity that fills lists up.
    """

    def __init__(
        self,
        size: int,
        name: str,
        refit_s: float = 3_600.0,
        regularisation: float = 20.0,
        popular_s: float = 1_200.0,
    ) -> None:
        self.name = name
        self._refit_s, self._regularisation = refit_s, regularisation
        self._popular = Decayed(size, popular_s)
        self._events: deque[tuple[float, int, int]] = deque()
        self._fitted_at: float | None = None
        self._items = np.empty(0, np.int64)  # of the columns of `_weights`
        self._place = np.full(size, -1)
        self._weights = np.empty((0, 0))

    def tell(self, moment: Moment, item: int) -> None:
        """Keep the event for the next fit."""
        self._popular.add(item, moment.time_s)
        self._events.append((moment.time_s, moment.session, item))

    def rank(self, moment: Moment, k: int) -> np.ndarray:
        """Items by the sum of the weights from the session's items."""
        if self._fitted_at is None or moment.time_s - self._fitted_at >= self._refit_s:
            self._fit(moment.time_s)
        places = self._place[np.asarray(moment.items, np.int64)] if moment.items else np.empty(0)
        scores = np.zeros(len(self._popular.scaled))
        for place in places[places >= 0]:
            scores[self._items] += self._weights[int(place)]
        found = best(scores, k, moment.items)
        return filled(found, best(self._popular.scaled, k, moment.items), k)

    def _fit(self, time_s: float) -> None:
        self._fitted_at = time_s
        while self._events and self._events[0][0] < time_s - MEMORY_S:
            self._events.popleft()
        if not self._events:
            return
        _, sessions, items = (np.array(column) for column in zip(*self._events, strict=True))
        self._items = best(np.bincount(items).astype(np.float64), MOST_ITEMS)
        self._place[:] = -1
        self._place[self._items] = np.arange(len(self._items))
        kept = self._place[items] >= 0
        _, row = np.unique(sessions[kept], return_inverse=True)
        met = sparse.csr_matrix((np.ones(len(row)), (row, self._place[items[kept]])))
        self._weights = ease_weights(met, self._regularisation)
