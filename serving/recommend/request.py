"""One request on its way to its list."""

import time
from dataclasses import dataclass, field

import numpy as np

from features.columns import Arrays
from features.encode import encode_context
from serving.model.served import ServedModel
from serving.recommend.degraded import Degraded
from serving.recommend.query import Query
from serving.retrieval.candidates import Candidates
from serving.users import StoredUser


@dataclass
class Request:
    """What is known so far.

    Args:
        user: as the store has them; unknown until they are read.
        time_s: the moment that the list is made for, Unix seconds.
        model: taken once, so that a swap in between changes nothing.
        degraded: what had to be done without.
        user_features: as of `time_s`.
        inputs: of the models: those of the user and the moment, one row.
    """

    query: Query
    user: StoredUser
    time_s: float = 0.0
    model: ServedModel | None = None
    degraded: list[Degraded] = field(default_factory=list)
    user_features: Arrays = field(default_factory=dict)
    inputs: Arrays = field(default_factory=dict)
    _begun: float = field(default_factory=time.perf_counter)

    @property
    def elapsed_s(self) -> float:
        """Seconds since it came."""
        return time.perf_counter() - self._begun

    def prepare(self, time_s: float, model: ServedModel | None) -> None:
        """Fix the moment and the model, and compute what needs the user alone."""
        self.time_s, self.model = time_s, model
        if model is None and "overload" not in self.degraded:
            self.degraded.append("model")
        self.user_features = self.user.as_of(time_s)
        self.inputs = {
            **self.user.inputs(self.user_features, time_s),
            **encode_context(np.array([time_s])),
        }


@dataclass(frozen=True)
class Ranked:
    """The candidates of one request, scored.

    Args:
        levels: how surely each was seen, shape (n,).
        features: of the items, as of the request's time.
        scores: shape (n,).
    """

    candidates: Candidates
    levels: np.ndarray
    features: Arrays
    scores: np.ndarray
