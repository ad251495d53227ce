"""Lists that need no model and no user: what is popular, what is new."""

import numpy as np

from features.as_of import as_of
from features.columns import Arrays
from features.spec import CREATED
from serving.catalogue.catalogue import Catalogue
from serving.retrieval.item_index import top_k
from serving.retrieval.popularity import FAST, SLOW, popularity_now


class Rankings:
    """All items by popularity and by age, sorted anew at most every `max_age_s` seconds.

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
        self._revision = -1  # of the catalogue, when `_recent` was sorted
        self._popular = self._trending = self._recent = np.empty(0, dtype=np.int64)

    def popular(self, k: int, mask: np.ndarray, time_s: float) -> np.ndarray:
        """The k most popular rows that `mask` (shape (rows,), bool) allows, best first."""
        self._refresh(time_s)
        return _first(self._popular, k, mask)

    def trending(self, k: int, mask: np.ndarray, time_s: float) -> np.ndarray:
        """The k rows most popular lately that `mask` allows, best first."""
        self._refresh(time_s)
        return _first(self._trending, k, mask)

    def recent(self, k: int, mask: np.ndarray, time_s: float) -> np.ndarray:
        """The k newest rows that `mask` allows, newest first."""
        self._refresh(time_s)
        return _first(self._recent, k, mask)

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
        if self._revision != self._catalogue.revision:
            self._revision = self._catalogue.revision
            created = self._catalogue.values(CREATED)
            self._recent = top_k(created, len(created))
        recent = self._recent  # one and the same, whatever another thread makes of it meanwhile
        counts = self._counts(recent, time_s)
        self._popular = recent[np.argsort(-counts[SLOW], kind="stable")]
        self._trending = recent[np.argsort(-popularity_now(counts), kind="stable")]
        self._sorted_at = time_s


def _first(order: np.ndarray, k: int, mask: np.ndarray) -> np.ndarray:
    """The first k of `order` that `mask` allows, found without looking at all of it."""
    looked_at = 2 * k
    while True:
        head = order[:looked_at]
        head = head[head < len(mask)]
        found = head[mask[head]]
        if len(found) >= k or looked_at >= len(order):
            return found[:k]
        looked_at = 4 * looked_at + 1
