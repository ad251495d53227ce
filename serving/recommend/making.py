"""The work on one list that needs no waiting: retrieve, rank, diversify, draw.

It runs in a thread, beside the event loop that changes the catalogue and the index: each step takes
the number of rows once and looks at no row beyond it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from features.counter import counter_scores
from features.spec import GROUPS
from millstream.list_choices import Diversity
from millstream.rules import RuleCandidates, ruled
from serving.catalogue.catalogue import Catalogue
from serving.fusion.fusion import Fusion
from serving.metrics import Metrics
from serving.recommend.answer import answer
from serving.recommend.gain import QUESTION_K
from serving.recommend.options import ARRANGE_SHARE, ListOptions
from serving.recommend.plan import Plans
from serving.recommend.query import Recommendation
from serving.recommend.request import Ranked, Request, Retrieved
from serving.recommend.scoring import Scoring
from serving.rerank.arrange import POOL_FACTOR, arrange, by_score
from serving.rerank.caps import within_cap
from serving.rerank.diversity_budget import DiversityBudget
from serving.rerank.explore import Draw, epsilon_greedy, softmax
from serving.retrieval.rankings import Rankings
from serving.retrieval.seen import FRESH
from serving.retrieval.source import RetrievalRequest
from serving.similarity.inputs import similarity_inputs

Watch = Callable[[RetrievalRequest, Ranked], None]


class StagesOf(NamedTuple):
    """Lists of one user as each stage of the making alone would give them.

    Args:
        lists: catalogue rows by stage or source (`serving.metrics.JUDGED`), best first, at most
            `QUESTION_K`.
        seen: rows that the user is known to have met.
        unseen: catalogue rows of the candidates that might be shown, (n,).
        undiversified: what `list` would be without diversity.
        evidence: on those (`serving/fusion`); None where there is no ranker, or a formula ranks.
    """

    lists: dict[str, np.ndarray]
    seen: frozenset[int]
    unseen: np.ndarray
    undiversified: np.ndarray
    evidence: np.ndarray | None = None


class Making:
    """Makes the lists of requests that are prepared.

    Args:
        options: how.
        fusion: orders candidates while it is better than the ranker.
        diversity: how strong it may be.
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
        fusion: Fusion,
        diversity: DiversityBudget,
        rng: np.random.Generator,
        watch: Watch | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._plans = Plans(catalogue, rankings, options)
        self._metrics = metrics
        self._scoring, self._fusion, self._diversity = scoring, fusion, diversity
        self._rng = rng
        self._watch = watch

    def made(self, request: Request) -> Recommendation:
        """The list as good as it gets: ranked and diversified."""
        with self._metrics.stage("retrieve"):
            wanted = self._retrieval_request(request)
            request.retrieved = self._retrieved(request, wanted)
        with self._metrics.stage("rank"):
            features = self._catalogue.as_of(request.retrieved[0].rows, request.time_s)
            ranked = self._scoring.ranked(request, wanted, request.retrieved, features)
        if self._watch is not None:
            self._watch(wanted, ranked)
        with self._metrics.stage("rerank"):
            order = self._arranged(request, ranked)
        return self._answered(request, ranked, order)

    def stages(self, request: Request) -> Iterator[StagesOf | None]:
        """The lists of every stage and source, for a judgement; nothing is drawn or counted.

        They are made in steps, so that lists that somebody waits for may go between them: None
        after each step, and at last the lists.
        """
        wanted = self._retrieval_request(request)
        retrieval = self._plans[request.query.placement].retrieval
        found = candidates, levels = retrieval.retrieve(wanted, request.user)
        yield None
        features = self._catalogue.as_of(candidates.rows, request.time_s)
        ranked = self._scoring.ranked(request, wanted, found, features, with_evidence=True)
        yield None
        arranged, plain = (
            self._capped(request, ranked, self._arranged(request, ranked, diversity))[0]
            for diversity in (None, "none")
        )
        places = np.flatnonzero(levels == FRESH)
        by_counter = counter_scores(features, request.recent)[places]
        by_ranker = ranked.by_ranker[places]
        given = None if ranked.evidence is None else ranked.evidence[places]
        by_fusion = by_ranker if given is None else self._fusion.scores(given)
        orders = {
            "retrieved": places,
            "ranked": places[np.argsort(-by_ranker, kind="stable")],
            "fused": places[np.argsort(-by_fusion, kind="stable")],
            "list": arranged[:QUESTION_K],
            "degraded": places[np.argsort(-by_counter, kind="stable")],
        }
        lists = {stage: candidates.rows[order[:QUESTION_K]] for stage, order in orders.items()}
        seen = self._catalogue.rows(request.user.certainly_seen)
        for name in retrieval.weights:
            rows = retrieval.first(name, wanted, QUESTION_K + len(seen))
            lists[name] = rows[~np.isin(rows, seen)][:QUESTION_K]
            yield None
        yield StagesOf(
            lists,
            frozenset(seen.tolist()),
            candidates.rows[places],
            candidates.rows[plain[:QUESTION_K]],
            given,
        )

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
        query, plan = request.query, self._plans[request.query.placement]
        vector = self._scoring.query_vector(request)
        retriever = request.model.retriever if request.model else None
        return RetrievalRequest(
            allowed=plan.allowed(self._catalogue, query, request.time_s),
            fresh=POOL_FACTOR * query.k,
            total=max(plan.options.candidates, POOL_FACTOR * query.k),
            time_s=request.time_s,
            query=vector,
            index=retriever.index if retriever else None,
            recent=request.recent,
            recent_rows=self._catalogue.rows(request.user.newest),
        )

    def _retrieved(self, request: Request, wanted: RetrievalRequest) -> Retrieved:
        found = self._plans[request.query.placement].retrieval.retrieve(wanted, request.user)
        brought = found[0].brought.sum(axis=0)
        for source, count in zip(found[0].sources, brought, strict=True):
            self._metrics.candidates.labels(source).inc(int(count))
        return found

    def _arranged(
        self, request: Request, ranked: Ranked, diversity: Diversity | None = None
    ) -> np.ndarray:
        """The candidates in their order; what time does not suffice for goes by score.

        Args:
            diversity: in place of the placement's. Who asks for one has all of its strength.
        """
        query, retriever = request.query, request.model.retriever if request.model else None
        options = self._plans[query.placement].options
        limit_s, was_over = ARRANGE_SHARE * options.budget_s, False

        def is_over() -> bool:
            nonlocal was_over
            was_over = request.elapsed_s > limit_s
            return was_over

        by = similarity_inputs(ranked, self._catalogue, retriever, options)
        chosen, strength = diversity or query.diversity, options.diversity_strength
        if chosen is None:
            chosen, strength = options.diversity, strength * self._diversity.strength
        order = arrange(by, query.k, chosen, strength, is_over)
        if was_over and "budget" not in request.degraded:
            request.degraded.append("budget")
        return order

    def _answered(self, request: Request, ranked: Ranked, order: np.ndarray) -> Recommendation:
        order, good = self._ruled(request, ranked, *self._capped(request, ranked, order))
        draw = self._drawn(request, ranked, order, good)
        if (ranked.levels[draw.order] != FRESH).any():
            request.degraded.append("all_seen")
        return answer(request, ranked, draw, self._catalogue)

    def _capped(
        self, request: Request, ranked: Ranked, order: np.ndarray
    ) -> tuple[np.ndarray, int]:
        """The order with what is too much of its group behind, and how many are worth a draw."""
        levels = ranked.levels[order]
        most = self._plans[request.query.placement].options.most_per_group
        if most is None:
            return order, int(np.count_nonzero(levels == FRESH))
        groups = ranked.features[GROUPS][:, 0]
        stays = within_cap(order, groups, most)
        behind = np.lexsort((~stays, levels))  # stable: each part keeps its order
        return order[behind], int(np.count_nonzero(stays & (levels == FRESH)))

    def _ruled(
        self, request: Request, ranked: Ranked, order: np.ndarray, good: int
    ) -> tuple[np.ndarray, int]:
        """The order that the project's own rules make, and how many are worth a draw."""
        rules, is_seen = self._plans[request.query.placement].options.rules, ranked.levels != FRESH
        candidates = RuleCandidates(ranked.scores, is_seen, ranked.features)
        for rule in rules:
            try:
                order = ruled(rule, order, candidates)
            except Exception as error:  # a rule that fails must not take the answer with it
                self._scoring.without(request, "rule", error)
        return order, min(good, int(np.count_nonzero(~is_seen[order]))) if rules else good

    def _drawn(self, request: Request, ranked: Ranked, order: np.ndarray, good: int) -> Draw:
        """Places of the list, drawn among the first `good`."""
        k, options = request.query.k, self._plans[request.query.placement].options
        pool = order[: max(min(good, POOL_FACTOR * k), k)]
        if options.temperature is None:
            return epsilon_greedy(pool, k, options.exploration, self._rng)
        scores = np.sort(ranked.scores[pool])[::-1]  # by place, so that diversity stays
        drawn = softmax(scores, k, options.temperature, self._rng)
        return Draw(pool[drawn.order], drawn.propensity)
