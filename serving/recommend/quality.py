"""Quality of lists over the whole corpus, live: now and then a list is asked before it is told.

Of the positives that are posted to this worker one is taken every so often. With what was known of
the user before it, and before the stream has worked on it, a list is made for them as for a
request, and never shown. Where the right answer stands in it, and in what every stage and source
alone would have given, is counted: hits and gains by `stage`, to be divided by the questions. Where
the stream was quicker, the user's row says that the item was met, and the question is dropped.

    HR@20   = hits / questions
    NDCG@20 = gains / questions, a gain being 1 / log2(2 + place)
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from features.labels import label_of
from millstream.clock import Clock
from millstream.events import Event, Interaction
from serving.catalogue.catalogue import Catalogue
from serving.fusion.fusion import Fusion
from serving.limited_log import LimitedLog
from serving.metrics import Metrics
from serving.recommend.gain import QUESTION_K, gain
from serving.recommend.making import StagesOf
from serving.rerank.diversity_budget import DiversityBudget
from serving.users import StoredUser


class ListQuality:
    """Asks and counts.

    Args:
        ask: the lists of a user by stage, each of catalogue rows; called with the user and what
            they met last.
        user: a user as they are remembered now, with what only this worker knows they met.
        fusion: learns from each question, once it is answered.
        diversity: likewise.
        every_s: seconds between two questions; 0 asks none.
        is_busy: True while requests need all of the worker's time.
    """

    def __init__(
        self,
        ask: Callable[[StoredUser, Sequence[str]], Awaitable[StagesOf]],
        user: Callable[[str], StoredUser],
        catalogue: Catalogue,
        metrics: Metrics,
        clock: Clock,
        fusion: Fusion,
        diversity: DiversityBudget,
        every_s: float,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ask, self._user = ask, user
        self._catalogue, self._metrics, self._clock = catalogue, metrics, clock
        self._fusion, self._diversity = fusion, diversity
        self._every_s, self._is_busy = every_s, is_busy
        self._next_s = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._log = LimitedLog(logging.getLogger(__name__), clock)

    def note(self, event: Event, recent: Sequence[str] = ()) -> None:
        """An event is taken; to be called before anybody remembers it.

        One question at a time, and none while requests need all of the worker's time.

        Args:
            recent: what its user met right before, newest first, as far as it is known.
        """
        now_s = self._clock.now()
        if not self._every_s or now_s < self._next_s or not _is_answer(event):
            return
        if self._is_busy() or (self._asking is not None and not self._asking.done()):
            return
        assert isinstance(event, Interaction)
        row = self._catalogue.row(event.item_id)
        if row is None or event.item_id in recent or not self._catalogue.available(now_s)[row]:
            return
        self._next_s = now_s + self._every_s
        before = self._user(event.user_id)
        if event.item_id not in before.certainly_seen:
            asking = self._asked(before, recent, row)
            self._asking = asyncio.get_running_loop().create_task(asking)

    async def settled(self) -> None:
        """Wait for the question that is under way."""
        if self._asking is not None:
            await self._asking

    async def _asked(self, user: StoredUser, recent: Sequence[str], row: int) -> None:
        try:
            found = await self._ask(user, recent)
        except Exception as error:  # no answer to anybody depends on it
            self._log.warn_of("quality", f"A list could not be judged: {error}")
            return
        if row in found.seen:  # they had met it before, elsewhere
            return
        self._metrics.list_questions.inc()
        for stage, rows in found.lists.items():
            if won := _gain(rows, row):
                self._metrics.list_hits.labels(stage).inc()
                self._metrics.list_gains.labels(stage).inc(won)
        self._diversity.learn(_gain(found.undiversified, row), _gain(found.lists["list"], row))
        chosen = np.flatnonzero(found.unseen == row)
        if found.evidence is not None and len(chosen):
            self._fusion.learn(found.evidence, int(chosen[0]))


def _gain(rows: np.ndarray, row: int) -> float:
    """Gain of a list by the right answer; 0 where it has not got it."""
    place = rows[:QUESTION_K].tolist()
    return gain(place.index(row)) if row in place else 0.0


def _is_answer(event: Event) -> bool:
    return (
        isinstance(event, Interaction)
        and not event.is_probe
        and label_of(event.kind, event.value) == 1.0
    )
