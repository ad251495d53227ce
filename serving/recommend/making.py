"""The work on one list that needs no waiting: retrieve, rank, diversify, draw.

It runs in a thread, beside the event loop that changes the catalogue and the index: each step takes
the number of rows once and looks at no row beyond it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from serving.catalogue.catalogue import Catalogue
from serving.catalogue.filters import allowed
from serving.metrics import Metrics
from serving.recommend.answer import answer
from serving.recommend.options import ARRANGE_SHARE, ListOptions
from serving.recommend.query import Recommendation
from serving.recommend.request import Ranked, Request, Retrieved
from serving.recommend.scoring import Scoring
from serving.rerank.arrange import POOL_FACTOR, arrange, by_score
from serving.rerank.explore import Draw, epsilon_greedy, softmax
from serving.retrieval.counter import counter_scores
from serving.retrieval.rankings import Rankings
from serving.retrieval.retrieve import Retrieval
from serving.retrieval.seen import FRESH
from serving.retrieval.source import RetrievalRequest
from serving.similarity.inputs import similarity_inputs

Watch = Callable[[RetrievalRequest, Ranked], None]

# Length of the lists that are judged.
QUESTION_K = 20


class StagesOf(NamedTuple):
    """Lists of one user as each stage of the making alone would give them.

    Args:
        lists: catalogue rows by stage or source (`serving.metrics.JUDGED`), best first, at most
            `QUESTION_K`.
        seen: rows that the user is known to have met.
    """

    lists: dict[str, np.ndarray]
    seen: frozenset[int]


class Making:
    """Makes the lists of requests that are prepared.

    Args:
        options: how.
        rng: for exploration.
        watch: sees what was asked of retrieval and what came of ranking, for an evaluation.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        rankings: Rankings,
        metrics: Metrics,
        scoring: Scoring,
        options: ListOptions,
        rng: np.random.Generator,
        watch: Watch | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._retrieval = Retrieval(catalogue, rankings, options.sources, options.limits)
        self._metrics = metrics
        self._scoring = scoring
        self._options = options
        self._rng = rng
        self._watch = watch

    def made(self, request: Request) -> Recommendation:
        """The list as good as it gets: ranked and diversified."""
        with self._metrics.stage("retrieve"):
            wanted = self._retrieval_request(request)
            request.retrieved = self._retrieved(request, wanted)
        with self._metrics.stage("rank"):
            features = self._catalogue.as_of(request.retrieved[0].rows, request.time_s)
            ranked = self._scoring.ranked(request, request.retrieved, features)
        if self._watch is not None:
            self._watch(wanted, ranked)
        with self._metrics.stage("rerank"):
            order = self._arranged(request, ranked)
        return self._answered(request, ranked, order)

    def stages(self, request: Request) -> StagesOf:
        """The lists of every stage and source, for a judgement; nothing is drawn or counted."""
        wanted = self._retrieval_request(request)
        found = candidates, levels = self._retrieval.retrieve(wanted, request.user)
        features = self._catalogue.as_of(candidates.rows, request.time_s)
        ranked = self._scoring.ranked(request, found, features)
        arranged = self._arranged(request, ranked)[:QUESTION_K]
        places = np.flatnonzero(levels == FRESH)
        by_counter = counter_scores(features, request.recent)[places]
        orders = {
            "retrieved": places,
            "ranked": places[np.argsort(-ranked.scores[places], kind="stable")],
            "list": arranged,
            "degraded": places[np.argsort(-by_counter, kind="stable")],
        }
        lists = {stage: candidates.rows[order[:QUESTION_K]] for stage, order in orders.items()}
        seen = self._catalogue.rows(request.user.certainly_seen)
        for name in self._retrieval.weights:
            rows = self._retrieval.first(name, wanted, QUESTION_K + len(seen))
            lists[name] = rows[~np.isin(rows, seen)][:QUESTION_K]
        return StagesOf(lists, frozenset(seen.tolist()))

    def plain(self, request: Request) -> Recommendation:
        """A list that costs little: by the best counter, and what was seen last."""
        candidates, levels = request.retrieved or self._retrieved(
            request, self._retrieval_request(request)
        )
        features = self._catalogue.as_of(candidates.rows, request.time_s)
        scores = counter_scores(features, request.recent)
        ranked = Ranked(candidates, levels, features, scores)
        return self._answered(request, ranked, by_score(scores, levels))

    def _retrieval_request(self, request: Request) -> RetrievalRequest:
        query = request.query
        vector = self._scoring.query_vector(request)
        retriever = request.model.retriever if request.model else None
        return RetrievalRequest(
            allowed=allowed(self._catalogue, query.filters, request.time_s, query.exclude),
            fresh=POOL_FACTOR * query.k,
            total=max(self._options.candidates, POOL_FACTOR * query.k),
            time_s=request.time_s,
            query=vector,
            index=retriever.index if retriever else None,
            recent=request.recent,
            recent_rows=self._catalogue.rows(request.user.newest),
        )

    def _retrieved(self, request: Request, wanted: RetrievalRequest) -> Retrieved:
        found = self._retrieval.retrieve(wanted, request.user)
        brought = found[0].brought.sum(axis=0)
        for source, count in zip(found[0].sources, brought, strict=True):
            self._metrics.candidates.labels(source).inc(int(count))
        return found

    def _arranged(self, request: Request, ranked: Ranked) -> np.ndarray:
        """The candidates in their order; what time does not suffice for goes by score."""
        query, retriever = request.query, request.model.retriever if request.model else None
        limit_s, was_over = ARRANGE_SHARE * self._options.budget_s, False

        def is_over() -> bool:
            nonlocal was_over
            was_over = request.elapsed_s > limit_s
            return was_over

        by = similarity_inputs(ranked, self._catalogue, retriever, self._options)
        diversity = query.diversity or self._options.diversity
        order = arrange(by, query.k, diversity, self._options.diversity_strength, is_over)
        if was_over and "budget" not in request.degraded:
            request.degraded.append("budget")
        return order

    def _answered(self, request: Request, ranked: Ranked, order: np.ndarray) -> Recommendation:
        draw = self._drawn(request, ranked, order)
        if (ranked.levels[draw.order] != FRESH).any():
            request.degraded.append("all_seen")
        return answer(request, ranked, draw, self._catalogue)

    def _drawn(self, request: Request, ranked: Ranked, order: np.ndarray) -> Draw:
        k = request.query.k
        fresh = int(np.count_nonzero(ranked.levels == FRESH))
        pool = order[: max(min(fresh, POOL_FACTOR * k), k)]
        if self._options.temperature is None:
            return epsilon_greedy(pool, k, self._options.exploration, self._rng)
        scores = np.sort(ranked.scores[pool])[::-1]  # by place, so that diversity stays
        drawn = softmax(scores, k, self._options.temperature, self._rng)
        return Draw(pool[drawn.order], drawn.propensity)
