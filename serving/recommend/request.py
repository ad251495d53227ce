"""One request on its way to its list."""

import time
from dataclasses import dataclass, field

import numpy as np

from features.columns import Arrays
from features.context import arrays_of, texts_of
from features.encode import encode_context
from millstream.ids import id64_array
from serving.limited_log import LimitedLog
from serving.model.served import ServedModel, TaskScores
from serving.recommend.degraded import REASONS, Degraded
from serving.recommend.query import Query
from serving.retrieval.candidates import Candidates
from serving.similarity.scaling import Scale
from serving.users import StoredUser

# Candidates, and how surely each was seen (`serving/retrieval/seen.py`).
Retrieved = tuple[Candidates, np.ndarray]


@dataclass
class Request:
    """State of one request on its way.

    Args:
        user: as the store has them; unknown until they are read.
        time_s: the moment that the list is made for, Unix seconds.
        model: taken once, so that a swap in between changes nothing.
        degraded: what had to be done without.
        user_features: as of `time_s`.
        inputs: of the models: those of the user and the moment, one row.
        recent: keys of the items that the user met last, the newest first.
        retrieved: the candidates and how surely each was seen, once they are found.
    """

    query: Query
    user: StoredUser
    time_s: float = 0.0
    model: ServedModel | None = None
    degraded: list[Degraded] = field(default_factory=list)
    user_features: Arrays = field(default_factory=dict)
    inputs: Arrays = field(default_factory=dict)
    recent: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    retrieved: Retrieved | None = None
    begun: float = field(default_factory=time.perf_counter)

    @property
    def elapsed_s(self) -> float:
        """Seconds since it came."""
        return time.perf_counter() - self.begun

    def prepare(self, time_s: float, model: ServedModel | None) -> None:
        """Fix the moment and the model, and compute what needs the user alone."""
        self.time_s, self.model = time_s, model
        if model is None and "overload" not in self.degraded:
            self.degraded.append("model")
        self.user_features = self.user.as_of(time_s)
        self.recent = id64_array(self.user.newest)
        texts = texts_of(self.query.context, self.query.placement)
        self.inputs = {
            **self.user.inputs(self.user_features, time_s),
            **encode_context(np.array([time_s]), arrays_of(texts)),
        }

    def without(self, reason: Degraded, log: LimitedLog, error: Exception | None = None) -> None:
        """Note what it has to do without, and say once in a while why."""
        self.degraded.append(reason)
        if error is not None:
            log.warn_of(reason, f"{REASONS[reason]} {type(error).__name__}: {error}")


@dataclass(frozen=True)
class Ranked:
    """The candidates of one request, scored.

    Args:
        levels: how surely each was seen, shape (n,).
        features: of the items, as of the request's time.
        scores: shape (n,).
        scale: of the scores: the ranker's probabilities, its numbers, or counts.
        by_task: the ranker's scores by the name of each task, (n,) each, from which `scores` are
            made; empty where they are counts.
        score_version: of the formula that the scores are of; "" is none.
        evidence: (n, columns) that the scores were fused from, or might be (`serving/fusion`);
            the first column has the ranker's own. None where it was not needed.
    """

    candidates: Candidates
    levels: np.ndarray
    features: Arrays
    scores: np.ndarray
    scale: Scale = "count"
    by_task: TaskScores = field(default_factory=dict)
    score_version: str = ""
    evidence: np.ndarray | None = None

    @property
    def by_ranker(self) -> np.ndarray:
        """What orders the candidates without fusion, (n,)."""
        return self.scores if self.evidence is None else self.evidence[:, 0]
