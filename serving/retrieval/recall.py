"""How much of what an exact search would find the index finds, for what people ask now."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

import numpy as np

from millstream.clock import Clock
from serving.limited_log import LimitedLog
from serving.metrics import Metrics
from serving.retrieval.item_index import ItemIndex

LEAST = 0.98
K = 400
_EVERY_S = 10.0
_SEARCHES = 20


class RecallProbe:
    """Does the newest search once more, exactly, every ten seconds.

    Args:
        index: that is searched now, or None.

    Attributes:
        recall: share of the best 400 that the last 20 searches found, 1 where all are exact; None
            before the first.
    """

    def __init__(
        self, index: Callable[[], ItemIndex | None], metrics: Metrics, clock: Clock
    ) -> None:
        self.recall: float | None = None
        self._index = index
        self._measured: ItemIndex | None = None
        self._asked: tuple[np.ndarray, np.ndarray | None] | None = None
        self._shares: deque[float] = deque(maxlen=_SEARCHES)
        self._log = LimitedLog(logging.getLogger(__name__), clock)
        metrics.index_recall.set_function(
            lambda: float("nan") if self.recall is None else self.recall
        )

    async def run(self) -> None:
        """Measure until cancelled, beside the event loop."""
        while True:
            await asyncio.to_thread(self.measure)
            await asyncio.sleep(_EVERY_S)

    def measure(self) -> None:
        """Compare the newest search, unless it has been compared."""
        index = self._index()
        if index is None:
            return
        if index is not self._measured:  # with other vectors: what was measured says nothing
            self._measured = index
            self._shares.clear()
        if index.is_exact:
            self.recall = 1.0
            return
        asked = index.asked
        if asked is None or asked is self._asked:
            return
        query, allowed = self._asked = asked
        best = index.exact(query, K, allowed)[0]
        if not len(best):
            return
        found = index.search(query, K, allowed)[0]
        self._asked = index.asked
        self._shares.append(float(np.isin(best, found).mean()))
        self.recall = float(np.mean(self._shares))
        if self.recall < LEAST:
            self._log.warn_of(
                "recall",
                f"The index finds {self.recall:.3f} of the best {K} items: raise "
                "MILLSTREAM_INDEX_SHARE.",
            )
