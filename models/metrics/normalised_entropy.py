"""Normalised entropy: log loss over that of always predicting the mean label.

Reference: He et al., ADKDD 2014, https://doi.org/10.1145/2648584.2648589, eq. 1.
"""

import numpy as np

from models.metrics.additive import AdditiveMetric, cross_entropy, ratio
from models.metrics.scored import Scored


class NormalisedEntropy(AdditiveMetric):
    """Log loss / H(mean label): below 1 is better than knowing only the mean."""

    def __init__(self) -> None:
        super().__init__(3)

    def terms(self, rows: Scored) -> np.ndarray:
        losses = cross_entropy(rows.labels, rows.scores)
        w = rows.weights
        return np.array([w @ losses, w @ rows.labels, w.sum()])

    def value(self, sums: np.ndarray) -> float:
        loss, positives, weight = sums
        if not 0.0 < positives < weight:
            return float("nan")
        rate = positives / weight
        return ratio(loss / weight, -rate * np.log(rate) - (1.0 - rate) * np.log1p(-rate))
