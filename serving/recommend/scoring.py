"""The models' part in a list; where a model is missing or fails, there is a next-best answer."""

import numpy as np

from features.columns import Arrays
from features.counter import counter_scores
from features.encode import encode_cross
from serving.catalogue.catalogue import Catalogue
from serving.fusion.evidence import Moment, evidence
from serving.fusion.fusion import Fusion, dealt
from serving.limited_log import LimitedLog
from serving.model.served import TaskScores
from serving.recommend.degraded import Degraded
from serving.recommend.objectives import Objectives
from serving.recommend.options import RANK_SHARE
from serving.recommend.request import Ranked, Request, Retrieved
from serving.retrieval.candidates import Candidates
from serving.retrieval.source import RetrievalRequest
from serving.similarity.scaling import LOG_ODDS, Scale


class Scoring:
    """Asks the models of a request.

    Args:
        budget_s: for a whole request, seconds.
        objectives: what lists are ranked by.
        log: says once in a while what failed.
        fusion: orders candidates while it is better than the ranker.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        budget_s: float,
        objectives: Objectives,
        log: LimitedLog,
        fusion: Fusion,
    ) -> None:
        self._catalogue = catalogue
        self._objectives = objectives
        self._budget_s = budget_s
        self._log = log
        self._fusion = fusion

    def without(self, request: Request, reason: Degraded, error: Exception) -> None:
        """Note what a request has to do without, and say once in a while why."""
        request.without(reason, self._log, error)

    def query_vector(self, request: Request) -> np.ndarray | None:
        """The user's vector, or None where the retriever is missing or fails."""
        if request.model is None:
            return None
        if request.model.retriever is None:
            request.degraded.append("retriever")
            return None
        try:
            vector = request.model.retriever.query_vector(request.inputs)
        except Exception as error:  # a model that fails must not take the answer with it
            request.without("retriever", self._log, error)
            return None
        if not np.isfinite(vector).all():
            request.degraded.append("retriever")
            return None
        return vector

    def ranked(
        self,
        request: Request,
        wanted: RetrievalRequest,
        retrieved: Retrieved,
        features: Arrays,
        *,
        with_evidence: bool = False,
    ) -> Ranked:
        """The ranker's scores, or the best counter where it is missing, fails or is late.

        They are ranked by the formula of the placement; where there is none, or it cannot be
        computed, by the first task, in the fused order while that is the better one.

        Args:
            features: of the candidates as of the request's time.
            with_evidence: whether evidence is wanted even if lists are not fused now.

        Returns:
            Scores of shape (candidates,), float64.
        """
        candidates, levels = retrieved
        by_task = self._ranked(request, candidates, features) if len(candidates) else None
        ranker = request.model.ranker if request.model else None
        if by_task is not None and ranker is not None:
            found = self._by_formula(request, by_task, features)
            if found is not None:
                return Ranked(candidates, levels, features, found[0], "value", by_task, found[1])
            first = by_task[ranker.tasks[0].name]
            scale: Scale = "probability" if ranker.tasks[0].kind == "binary" else "number"
            given = None
            if self._fusion.is_better or with_evidence:
                moment = Moment(wanted, candidates, features)
                given = evidence(moment, LOG_ODDS[scale](first), self._catalogue)
                if self._fusion.is_better:
                    first = dealt(first, self._fusion.scores(given))
            return Ranked(candidates, levels, features, first, scale, by_task, evidence=given)
        return Ranked(candidates, levels, features, counter_scores(features, request.recent))

    def _by_formula(
        self, request: Request, by_task: TaskScores, features: Arrays
    ) -> tuple[np.ndarray, str] | None:
        """Scores by the placement's formula, and its version."""
        objective = self._objectives[request.query.placement]
        if objective is None:
            return None
        try:
            scores = objective.scores(by_task, features, request.user_features, request.time_s)
        except KeyError as error:  # the snapshot is of before the task
            request.without("score", self._log, error)
            return None
        if scores is None:
            request.degraded.append("score")
            return None
        return scores, objective.formula.version

    def _ranked(
        self, request: Request, candidates: Candidates, features: Arrays
    ) -> TaskScores | None:
        if request.model is None:
            return None
        if request.model.ranker is None:
            request.degraded.append("ranker")
            return None
        if request.elapsed_s > RANK_SHARE * self._budget_s:
            request.degraded.append("budget")
            return None
        try:
            inputs = {
                **request.inputs,
                **self._catalogue.inputs(candidates.rows, features, request.time_s),
                **encode_cross(request.user_features, features),
            }
            scores = request.model.ranker.scores(inputs)
        except Exception as error:  # a model that fails must not take the answer with it
            request.without("ranker", self._log, error)
            return None
        return self._finite(request, scores)

    def _finite(self, request: Request, by_task: TaskScores) -> TaskScores | None:
        """Scores, those that are not finite behind all others of their task.

        None where a task has none that is finite.
        """
        finite = {task: np.isfinite(scores) for task, scores in by_task.items()}
        if all(each.all() for each in finite.values()):
            return by_task
        request.degraded.append("ranker")
        if not all(each.any() for each in finite.values()):
            return None
        return {
            task: np.where(finite[task], scores, min(0.0, float(scores[finite[task]].min())))
            for task, scores in by_task.items()
        }
