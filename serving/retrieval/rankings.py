"""Lists that need no model and no user: what is popular, what is new."""

import numpy as np

from features.as_of import as_of
from features.columns import Arrays
from features.popularity import FAST, SLOW, popularity_now
from features.spec import CREATED
from serving.catalogue.catalogue import Catalogue
from serving.retrieval.order import Order


class Rankings:
    """All items by popularity and by age, ordered anew at most every `max_age_s` seconds.

    Popularity is a decayed count of people as of now; items that nobody has met follow in the order
    of their age, newest first. What is trending is by the fast count first.

    Args:
        catalogue: the items.
        max_age_s: how old an order may be, seconds.
    """

    def __init__(self, catalogue: Catalogue, max_age_s: float = 1.0) -> None:
        self._catalogue = catalogue
        self._max_age_s = max_age_s
        self._sorted_at = -np.inf
        nothing = Order([np.empty(0)])
        self._popular = self._trending = self._recent = nothing

    def popular(self, k: int, mask: np.ndarray, time_s: float) -> np.ndarray:
        """The k most popular rows that `mask` (shape (rows,), bool) allows, best first."""
        self._refresh(time_s)
        return self._popular.first(k, mask)

    def trending(self, k: int, mask: np.ndarray, time_s: float) -> np.ndarray:
        """The k rows most popular lately that `mask` allows, best first."""
        self._refresh(time_s)
        return self._trending.first(k, mask)

    def recent(self, k: int, mask: np.ndarray, time_s: float) -> np.ndarray:
        """The k newest rows that `mask` allows, newest first."""
        self._refresh(time_s)
        return self._recent.first(k, mask)

    def popularity(self, rows: np.ndarray, time_s: float) -> np.ndarray:
        """The decayed count of people of `rows`, shape (n,)."""
        return self._counts(rows, time_s)[SLOW]

    def _counts(self, rows: np.ndarray, time_s: float) -> Arrays:
        names = ("item_updated_at", FAST, SLOW)
        stored = {name: self._catalogue.values(name).take(rows) for name in names}
        return as_of(stored, "item", time_s)

    def _refresh(self, time_s: float) -> None:
        if 0.0 <= time_s - self._sorted_at < self._max_age_s:
            return
        created = self._catalogue.values(CREATED)
        counts = self._counts(np.arange(len(created)), time_s)
        self._recent = Order([created])
        self._popular = Order([np.fmax(counts[SLOW], 0.0), created])
        self._trending = Order([popularity_now(counts), created])
        self._sorted_at = time_s
