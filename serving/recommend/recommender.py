"""A list for a user: retrieve, rank, remove what was seen, diversify, log. It always answers.

Whatever is gone (the user's row, the model, the time) is done without, and the answer says so.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from millstream.clock import Clock
from millstream.errors import StoreUnavailable
from millstream.events import Impression
from serving.breaker import Breaker
from serving.catalogue.catalogue import Catalogue
from serving.catalogue.filters import allowed
from serving.limited_log import LimitedLog
from serving.metrics import Metrics
from serving.model.served import ServedModel
from serving.recommend.answer import answer
from serving.recommend.impression import impression
from serving.recommend.judged import judged
from serving.recommend.options import USER_SHARE, Options
from serving.recommend.query import Query, Recommendation
from serving.recommend.request import Ranked, Request
from serving.recommend.scoring import Scoring
from serving.rerank.arrange import POOL_FACTOR, arrange
from serving.rerank.explore import Draw, epsilon_greedy, softmax
from serving.rerank.seen import FRESH
from serving.retrieval.candidates import Candidates
from serving.retrieval.rankings import Rankings
from serving.retrieval.retrieve import Wanted, retrieve
from serving.users import StoredUser, Users

_LATE_S = 0.005


@dataclass(frozen=True)
class Surroundings:
    """What lists are made from.

    Args:
        model: the model that is served now, or None.
        log: takes the log of a list that was shown, without waiting.
        watch: sees what was asked of retrieval and what came of ranking, for an evaluation.
    """

    catalogue: Catalogue
    rankings: Rankings
    users: Users
    model: Callable[[], ServedModel | None]
    log: Callable[[Impression], None]
    metrics: Metrics
    clock: Clock
    watch: Callable[[Wanted, Ranked], None] | None = None


class Recommender:
    """Makes lists.

    Args:
        around: what they are made from.
        options: how.
        rng: for exploration.
    """

    def __init__(
        self, around: Surroundings, options: Options, rng: np.random.Generator | None = None
    ) -> None:
        self._around = around
        self._options = options
        self._rng = rng or np.random.default_rng()
        self._in_flight = 0
        self._breaker = Breaker(around.clock)
        log = LimitedLog(logging.getLogger(__name__), around.clock)
        self._scoring = Scoring(around.catalogue, options.budget_s, log)

    async def recommend(self, query: Query) -> Recommendation:
        """The list for one query; empty only where nothing may be shown."""
        request = Request(query, StoredUser.unknown(query.user_id))
        self._in_flight += 1
        try:
            with self._around.metrics.stage("user"):
                await self._read_user(request)
            made = self._made(request)
        finally:
            self._in_flight -= 1
        for reason in made.degraded:
            self._around.metrics.degraded.labels(reason).inc()
        if made.items:
            self._around.log(impression(made))
        return made

    async def _read_user(self, request: Request) -> None:
        if self._in_flight > self._options.most_in_flight:
            request.degraded.append("overload")
            return
        if not self._breaker.allows():
            request.degraded.append("user_store")
            return
        limit = asyncio.timeout(USER_SHARE * self._options.budget_s)
        try:
            async with limit:
                request.user = await self._around.users.read(request.query.user_id)
            self._breaker.succeeded()
        except (StoreUnavailable, TimeoutError) as error:
            if not _rang_late(limit):
                self._breaker.failed()
            self._scoring.without(request, "user_store", error)

    def _made(self, request: Request) -> Recommendation:
        """Everything that needs no waiting: a few milliseconds of the event loop."""
        stage, catalogue = self._around.metrics.stage, self._around.catalogue
        model = None if "overload" in request.degraded else self._around.model()
        request.prepare(self._around.clock.now(), model)
        with stage("retrieve"):
            wanted = self._wanted(request)
            candidates, levels = self._retrieved(request, wanted)
        with stage("rank"):
            features = catalogue.as_of(candidates.rows, request.time_s)
            scores = self._scoring.scores(request, candidates, features)
            ranked = Ranked(candidates, levels, features, scores)
        if self._around.watch is not None:
            self._around.watch(wanted, ranked)
        with stage("rerank"):
            draw = self._drawn(request, ranked)
        if (levels[draw.order] != FRESH).any():
            request.degraded.append("all_seen")
        return answer(request, ranked, draw, catalogue)

    def _wanted(self, request: Request) -> Wanted:
        query = request.query
        vector = self._scoring.query_vector(request)
        retriever = request.model.retriever if request.model else None
        return Wanted(
            allowed=allowed(self._around.catalogue, query.filters, query.exclude),
            fresh=POOL_FACTOR * query.k,
            total=max(self._options.candidates, POOL_FACTOR * query.k),
            time_s=request.time_s,
            query=vector,
            index=retriever.index if retriever and vector is not None else None,
        )

    def _retrieved(self, request: Request, wanted: Wanted) -> tuple[Candidates, np.ndarray]:
        around = self._around
        candidates, levels = retrieve(wanted, request.user, around.catalogue, around.rankings)
        for source, count in zip(candidates.sources, candidates.brought.sum(axis=0), strict=True):
            around.metrics.candidates.labels(source).inc(int(count))
        return candidates, levels

    def _drawn(self, request: Request, ranked: Ranked) -> Draw:
        query, retriever = request.query, request.model.retriever if request.model else None
        by = judged(ranked, self._around.catalogue, retriever, self._options)
        order = arrange(by, query.k, query.diversity or self._options.diversity)
        fresh = int(np.count_nonzero(ranked.levels == FRESH))
        pool = order[: max(min(fresh, POOL_FACTOR * query.k), query.k)]
        if self._options.temperature is None:
            return epsilon_greedy(pool, query.k, self._options.exploration, self._rng)
        scores = np.sort(ranked.scores[pool])[::-1]  # by place, so that diversity stays
        drawn = softmax(scores, query.k, self._options.temperature, self._rng)
        return Draw(pool[drawn.order], drawn.propensity)


def _rang_late(limit: asyncio.Timeout) -> bool:
    """Whether this process was so busy that time-outs came late: so may have the answer."""
    due_s = limit.when() if limit.expired() else None
    return due_s is not None and asyncio.get_running_loop().time() - due_s > _LATE_S
