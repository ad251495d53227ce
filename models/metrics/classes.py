"""Quality of the classes that a multi-class task predicts.

A row's label is the number of its class, from 0. Its score is the probability that was given to
that class; with a minus where another class had a higher one.
"""

import numpy as np

from models.metrics.additive import EPSILON, AdditiveMetric, ratio
from models.metrics.scored import Scored


class ClassLogLoss(AdditiveMetric):
    """-sum w log p_y / sum w, in nats; p_y is the probability of the row's own class."""

    def __init__(self) -> None:
        super().__init__(2)

    def terms(self, rows: Scored) -> np.ndarray:
        return np.array([rows.weights @ _losses(rows), rows.weights.sum()])

    def value(self, sums: np.ndarray) -> float:
        return ratio(sums[0], sums[1])


class Accuracy(AdditiveMetric):
    """Share of the rows whose own class was the likeliest."""

    def __init__(self) -> None:
        super().__init__(2)

    def terms(self, rows: Scored) -> np.ndarray:
        return np.array([rows.weights @ (rows.scores >= 0.0), rows.weights.sum()])

    def value(self, sums: np.ndarray) -> float:
        return ratio(sums[0], sums[1])


class ClassEntropy(AdditiveMetric):
    """Log loss / entropy of the shares of the classes: below 1 is better than knowing only these.

    Args:
        classes: the most that a task has.
    """

    def __init__(self, classes: int) -> None:
        super().__init__(1 + classes)
        self._classes = classes

    def terms(self, rows: Scored) -> np.ndarray:
        of_classes = np.bincount(rows.labels.astype(int), rows.weights, self._classes)
        return np.array([rows.weights @ _losses(rows), *of_classes])

    def value(self, sums: np.ndarray) -> float:
        loss, weights = sums[0], sums[1:][sums[1:] > 0]
        shares = weights / weights.sum()
        return ratio(loss, -float(weights @ np.log(shares)))


def _losses(rows: Scored) -> np.ndarray:
    return np.asarray(-np.log(np.clip(np.abs(rows.scores), EPSILON, 1.0)))
