"""Log loss: the mean cross-entropy of the predicted probabilities."""

import numpy as np

from models.metrics.additive import AdditiveMetric, cross_entropy, ratio
from models.metrics.scored import Scored


class LogLoss(AdditiveMetric):
    """sum w (-y log p - (1 - y) log(1 - p)) / sum w, in nats."""

    def __init__(self) -> None:
        super().__init__(2)

    def terms(self, rows: Scored) -> np.ndarray:
        losses = cross_entropy(rows.labels, rows.scores)
        return np.array([rows.weights @ losses, rows.weights.sum()])

    def value(self, sums: np.ndarray) -> float:
        return ratio(sums[0], sums[1])
