"""A list for a user, within its budget: read the user, make the list, log it. It always answers.

Lists are made in threads beside the event loop (`serving/recommend/making.py`), so that one that
takes long holds up nobody, and none is waited for longer than its budget allows. Whatever is gone
(the user's row, the model, the time) is done without, and the answer says so.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

import numpy as np

from millstream.clock import Clock
from millstream.domain import domain
from millstream.domain.placements import DEFAULT
from millstream.errors import StoreUnavailable
from millstream.events import Impression
from serving.breaker import Breaker
from serving.catalogue.catalogue import Catalogue
from serving.fusion.fusion import Fusion
from serving.limited_log import LimitedLog
from serving.metrics import Metrics
from serving.model.served import ServedModel
from serving.recommend.gain import QUESTION_K
from serving.recommend.impression import impression
from serving.recommend.making import Making, StagesOf, Watch
from serving.recommend.objectives import Objectives
from serving.recommend.options import USER_SHARE, ListOptions
from serving.recommend.query import Query, Recommendation
from serving.recommend.request import Request
from serving.recommend.scoring import Scoring
from serving.recommend.warm_threads import WarmThreads
from serving.remembered import Remembered
from serving.rerank.diversity_budget import DiversityBudget
from serving.retrieval.rankings import Rankings
from serving.users import StoredUser, Users

_LATE_S = 0.005
# A step of a judgement waits so long at most until no list is waited for, seconds.
_WAITS_S = 0.05
# Two, so that a list that takes long does not hold up all others. More would share one lock.
_THREADS = 2


@dataclass(frozen=True)
class Dependencies:
    """Dependencies of the recommender.

    Args:
        model: the model that is served now, or None.
        log: takes the log of a list that was shown, without waiting.
        watch: sees what was asked of retrieval and what came of ranking, for an evaluation.
        fusion: orders candidates while it is better than the ranker.
        diversity: how strong it may be.
        objectives: what lists are ranked by; those of the domain unless given.
    """

    catalogue: Catalogue
    rankings: Rankings
    users: Users
    model: Callable[[], ServedModel | None]
    log: Callable[[Impression], None]
    metrics: Metrics
    clock: Clock
    watch: Watch | None = None
    fusion: Fusion = field(default_factory=Fusion)
    diversity: DiversityBudget = field(default_factory=DiversityBudget)
    objectives: Objectives = field(default_factory=lambda: Objectives(domain()))


class Recommender:
    """Makes lists.

    Args:
        dependencies: what they are made from.
        options: how.
        rng: for exploration.
        remembered: users, for when the store is gone.
        executor: makes the lists; threads of its own unless given.
    """

    def __init__(
        self,
        dependencies: Dependencies,
        options: ListOptions,
        rng: np.random.Generator | None = None,
        remembered: Remembered | None = None,
        executor: Executor | None = None,
    ) -> None:
        self._dependencies = dependencies
        self._options = options
        self._remembered = remembered or Remembered()
        self._in_flight = 0
        self._is_quiet = asyncio.Event()  # while no list is on its way
        self._is_quiet.set()
        self._breaker = Breaker(dependencies.clock)
        self._log = LimitedLog(logging.getLogger(__name__), dependencies.clock)
        scoring = Scoring(
            dependencies.catalogue,
            options.budget_s,
            dependencies.objectives,
            self._log,
            dependencies.fusion,
        )
        parts = dependencies.catalogue, dependencies.rankings, dependencies.metrics
        self._making = Making(
            *parts,
            scoring,
            options,
            dependencies.fusion,
            dependencies.diversity,
            rng or np.random.default_rng(),
            dependencies.watch,
        )
        self._one_plain = asyncio.Lock()
        self._threads = executor or WarmThreads(_THREADS, "lists")

    async def recommend(self, query: Query) -> Recommendation:
        """The list for one query; empty only where nothing may be shown.

        Raises:
            KeyError: there is no such placement.
        """
        begun = time.perf_counter() - query.waited_s
        request = Request(query, StoredUser.unknown(query.user_id), begun=begun)
        self._in_flight += 1
        self._is_quiet.clear()
        try:
            if self._in_flight > self._options.most_in_flight:
                request.degraded.append("overload")
            with self._dependencies.metrics.stage("user"):
                user = await self._user(request)
                now_s = self._dependencies.clock.now()
                request.user = user.with_recent(await self._recent(query), now_s)
            model = None if "overload" in request.degraded else self._dependencies.model()
            request.prepare(self._dependencies.clock.now(), model)
            made = await self._made(request)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._is_quiet.set()
        placement = query.placement or DEFAULT
        self._dependencies.metrics.lists.labels(placement).inc()
        self._dependencies.metrics.list_seconds.labels(placement).observe(request.elapsed_s)
        for reason in made.degraded:
            self._dependencies.metrics.degraded.labels(reason).inc()
        if made.items:
            self._dependencies.log(impression(made))
        return made

    async def stages(self, before: StoredUser, recent: Sequence[str] = ()) -> StagesOf:
        """Lists of a user by stage, for a judgement: neither shown nor logged.

        Nobody waits for them, so each step of their making gives way to lists on their way.

        Args:
            before: the user as this worker knew them; the store's row is read anew.
            recent: what they met last, newest first, as a caller would say it.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        found = await self._dependencies.users.read(before.user_id)
        now_s = self._dependencies.clock.now()
        user = replace(found, met=before.met).with_recent(recent, now_s)
        request = Request(Query(before.user_id, QUESTION_K), user)
        request.prepare(now_s, self._dependencies.model())
        loop, steps = asyncio.get_running_loop(), self._making.stages(request)
        made: StagesOf | None = None
        while made is None:
            before_s = request.elapsed_s
            await self._quiet()
            request.begun += request.elapsed_s - before_s  # waiting takes nothing of its budget
            made = await loop.run_in_executor(self._threads, next, steps)
        return made

    def close(self) -> None:
        """End the threads, once what they are doing is done."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _quiet(self) -> None:
        """Wait until no list is on its way, if that comes soon."""
        if self._in_flight:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WAITS_S):
                    await self._is_quiet.wait()

    async def _user(self, request: Request) -> StoredUser:
        """The user as the store has them, or as this worker remembers them."""
        user_id = request.query.user_id
        if not self._breaker.allows():
            request.degraded.append("user_store")
            return self._remembered.user(user_id)
        limit = asyncio.timeout(USER_SHARE * self._options.budget_s)
        try:
            async with limit:
                found = await self._dependencies.users.read(user_id)
        except (StoreUnavailable, TimeoutError) as error:
            if not _rang_late(limit):
                self._breaker.failed()
            request.without("user_store", self._log, error)
            return self._remembered.user(user_id)
        self._breaker.succeeded()
        return self._remembered.read(found)

    async def _recent(self, query: Query) -> Sequence[str]:
        """What the caller says that the user met last, and what their session met."""
        if not query.session_user:
            return query.recent_items
        session = self._remembered.user(query.session_user)
        if self._breaker.allows():
            with contextlib.suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(USER_SHARE * self._options.budget_s):
                    found = await self._dependencies.users.read(query.session_user)
                session = self._remembered.read(found)
        return [*query.recent_items, *session.certainly_seen]

    async def _made(self, request: Request) -> Recommendation:
        """The list that a thread makes in what is left of the budget, or one that needs no time."""
        if "overload" in request.degraded:
            return await self._plain(request)
        left_s = self._options.budget_s - request.elapsed_s
        if left_s > 0.0:
            # A copy: the thread may still write to it when nobody waits any more.
            work = replace(request, degraded=list(request.degraded))
            loop = asyncio.get_running_loop()
            job = loop.run_in_executor(self._threads, self._making.made, work)
            await asyncio.wait([job], timeout=left_s)
            if job.done():
                return job.result()
            job.cancel()
            request.retrieved = work.retrieved
        request.model = None
        request.degraded.append("budget")
        return await self._plain(request)

    async def _plain(self, request: Request) -> Recommendation:
        """A list that costs little, made by the event loop: between two of them it does the rest.

        Many that come in one turn would keep it from seeing who else has come, and how late.
        """
        async with self._one_plain:
            await asyncio.sleep(0)
            return self._making.plain(request)


def _rang_late(limit: asyncio.Timeout) -> bool:
    """True if this process was so busy that time-outs came late: so may have the answer."""
    due_s = limit.when() if limit.expired() else None
    return due_s is not None and asyncio.get_running_loop().time() - due_s > _LATE_S
