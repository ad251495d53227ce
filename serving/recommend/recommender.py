"""A list for a user: retrieve, rank, remove what was seen, diversify, log. It always answers.

Whatever is gone (the user's row, the model, the time) is done without, and the answer says so.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from features.columns import Arrays
from features.encode import encode_context, encode_cross
from millstream.clock import Clock
from millstream.errors import StoreUnavailable
from millstream.events import Impression
from serving.breaker import Breaker
from serving.catalogue.catalogue import Catalogue
from serving.catalogue.filters import allowed
from serving.limited_log import LimitedLog
from serving.metrics import Metrics
from serving.model.served import ServedModel
from serving.recommend.degraded import REASONS, Degraded
from serving.recommend.impression import impression
from serving.recommend.options import RANK_SHARE, USER_SHARE, Options
from serving.recommend.query import Query, Recommendation, Recommended
from serving.recommend.scored import scored
from serving.rerank.arrange import POOL_FACTOR, arrange
from serving.rerank.explore import Draw, epsilon_greedy
from serving.rerank.seen import FRESH
from serving.retrieval.candidates import Candidates
from serving.retrieval.rankings import Rankings
from serving.retrieval.retrieve import Wanted, retrieve
from serving.users import StoredUser, Users


@dataclass(frozen=True)
class Surroundings:
    """What lists are made from.

    Args:
        model: the model that is served now, or None.
        log: takes the log of a list that was shown, without waiting.
    """

    catalogue: Catalogue
    rankings: Rankings
    users: Users
    model: Callable[[], ServedModel | None]
    log: Callable[[Impression], None]
    metrics: Metrics
    clock: Clock


@dataclass
class _Request:
    """One request on its way."""

    query: Query
    begun: float
    user: StoredUser
    time_s: float = 0.0
    model: ServedModel | None = None
    degraded: list[Degraded] = field(default_factory=list)
    user_features: Arrays = field(default_factory=dict)
    inputs: Arrays = field(default_factory=dict)


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
        self._breaker = Breaker(around.clock)
        self._log = LimitedLog(logging.getLogger(__name__), around.clock)

    async def recommend(self, query: Query) -> Recommendation:
        """The list for one query; empty only where nothing may be shown."""
        request = _Request(query, time.perf_counter(), StoredUser.unknown(query.user_id))
        with self._around.metrics.stage("user"):
            await self._read_user(request)
        answer = self._composed(request)
        for reason in answer.degraded:
            self._around.metrics.degraded.labels(reason).inc()
        if answer.items:
            self._around.log(impression(answer))
        return answer

    async def _read_user(self, request: _Request) -> None:
        if not self._breaker.allows():
            request.degraded.append("user_store")
            return
        try:
            async with asyncio.timeout(USER_SHARE * self._options.budget_s):
                request.user = await self._around.users.read(request.query.user_id)
            self._breaker.succeeded()
        except (StoreUnavailable, TimeoutError) as error:
            self._breaker.failed()
            self._degrade(request, "user_store", error)

    def _composed(self, request: _Request) -> Recommendation:
        self._prepare(request)
        stage = self._around.metrics.stage
        with stage("retrieve"):
            candidates, levels = self._retrieved(request)
        with stage("rank"):
            features = self._around.catalogue.as_of(candidates.rows, request.time_s)
            scores = self._scores(request, candidates, features)
        with stage("rerank"):
            draw = self._arranged(request, candidates, levels, scores, features)
            if (levels[draw.order] != FRESH).any():
                request.degraded.append("all_seen")
        return self._answer(request, candidates, scores, features, draw)

    def _prepare(self, request: _Request) -> None:
        request.time_s = self._around.clock.now()
        request.model = self._around.model()
        if request.model is None:
            request.degraded.append("model")
        request.user_features = request.user.as_of(request.time_s)
        request.inputs = {
            **request.user.inputs(request.user_features, request.time_s),
            **encode_context(np.array([request.time_s])),
        }

    def _retrieved(self, request: _Request) -> tuple[Candidates, np.ndarray]:
        query, retriever = request.query, request.model.retriever if request.model else None
        vector = self._query_vector(request)
        wanted = Wanted(
            allowed=allowed(self._around.catalogue, query.filters, query.exclude),
            fresh=POOL_FACTOR * query.k,
            total=max(self._options.candidates, POOL_FACTOR * query.k),
            time_s=request.time_s,
            query=vector,
            index=retriever.index if retriever and vector is not None else None,
        )
        found = retrieve(wanted, request.user, self._around.catalogue, self._around.rankings)
        for source, count in zip(found[0].sources, found[0].brought.sum(axis=0), strict=True):
            self._around.metrics.candidates.labels(source).inc(int(count))
        return found

    def _query_vector(self, request: _Request) -> np.ndarray | None:
        if request.model is None:
            return None
        if request.model.retriever is None:
            self._degrade(request, "retriever")
            return None
        try:
            return request.model.retriever.query_vector(request.inputs)
        except Exception as error:  # a model that fails must not take the answer with it
            self._degrade(request, "retriever", error)
            return None

    def _scores(self, request: _Request, candidates: Candidates, features: Arrays) -> np.ndarray:
        ranked = self._ranked(request, candidates, features) if len(candidates) else None
        return features["item_popularity"].astype(np.float64) if ranked is None else ranked

    def _ranked(
        self, request: _Request, candidates: Candidates, features: Arrays
    ) -> np.ndarray | None:
        if request.model is None:
            return None
        if request.model.ranker is None:
            self._degrade(request, "ranker")
            return None
        if time.perf_counter() - request.begun > RANK_SHARE * self._options.budget_s:
            self._degrade(request, "budget")
            return None
        catalogue = self._around.catalogue
        try:
            inputs = {
                **request.inputs,
                **catalogue.inputs(candidates.rows, features, request.time_s),
                **encode_cross(request.user_features, features),
            }
            return request.model.ranker.scores(inputs)
        except Exception as error:  # a model that fails must not take the answer with it
            self._degrade(request, "ranker", error)
            return None

    def _arranged(
        self,
        request: _Request,
        candidates: Candidates,
        levels: np.ndarray,
        scores: np.ndarray,
        features: Arrays,
    ) -> Draw:
        query = request.query
        retriever = request.model.retriever if request.model else None
        judged = scored(
            scores,
            levels,
            candidates.rows,
            features,
            self._around.catalogue,
            retriever,
            self._options,
        )
        order = arrange(judged, query.k, query.diversity or self._options.diversity)
        fresh = int(np.count_nonzero(levels == FRESH))
        pool = order[: max(min(fresh, POOL_FACTOR * query.k), query.k)]
        return epsilon_greedy(pool, query.k, self._options.exploration, self._rng)

    def _answer(
        self,
        request: _Request,
        candidates: Candidates,
        scores: np.ndarray,
        features: Arrays,
        draw: Draw,
    ) -> Recommendation:
        catalogue = self._around.catalogue
        titles = catalogue.columns["item_title"]
        items = [
            Recommended(
                item_id=catalogue.ids[row],
                title=titles.text(row),
                position=position,
                score=float(scores[at]),
                sources=candidates.sources_of(at),
                propensity=float(draw.propensity[position]),
                features=catalogue.raw(row, features, at),
            )
            for position, at in enumerate(draw.order.tolist())
            for row in (int(candidates.rows[at]),)
        ]
        return Recommendation(
            request_id=uuid.uuid4().hex,
            query=request.query,
            items=items,
            model_version=str(request.model.version) if request.model else "",
            degraded=request.degraded,
            user_features=request.user.logged(request.user_features),
            time_s=request.time_s,
        )

    def _degrade(self, request: _Request, reason: Degraded, error: Exception | None = None) -> None:
        request.degraded.append(reason)
        if error is not None:
            self._log.warning(reason, f"{REASONS[reason]} {type(error).__name__}: {error}")
