"""A metric whose state is a vector of sums."""

from abc import ABC, abstractmethod
from typing import Self

import numpy as np

from models.metrics.metric import State
from models.metrics.scored import Scored

EPSILON = 1e-7


class AdditiveMetric(ABC):
    """Base of the metrics that are a function of sums over the rows."""

    def __init__(self, size: int) -> None:
        self._sums = np.zeros(size)

    @abstractmethod
    def terms(self, rows: Scored) -> np.ndarray:
        """Contribution of the rows to the sums, (size,)."""

    @abstractmethod
    def value(self, sums: np.ndarray) -> float:
        """The metric, from the sums."""

    def update(self, rows: Scored) -> None:
        self._sums += self.terms(rows)

    def merge(self, other: Self) -> None:
        self._sums += other._sums

    def result(self) -> float:
        return self.value(self._sums)

    def state(self) -> State:
        return {"sums": self._sums.copy()}

    def restore(self, state: State) -> None:
        """Go on from `state`.

        Raises:
            ValueError: it is another metric's.
        """
        if state["sums"].shape != self._sums.shape:
            raise ValueError(
                f"`state` must hold {len(self._sums)} sums. Received: {state['sums'].shape}."
            )
        self._sums = state["sums"].astype(np.float64)


def cross_entropy(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """-y log p - (1 - y) log(1 - p) of each row, in nats; p is kept 1e-7 away from 0 and 1."""
    p = np.clip(scores, EPSILON, 1.0 - EPSILON)
    return -labels * np.log(p) - (1.0 - labels) * np.log1p(-p)


def ratio(above: float, below: float) -> float:
    """The quotient, NaN where there is none."""
    return float(above / below) if below else float("nan")
