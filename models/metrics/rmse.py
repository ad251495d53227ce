"""Root mean square error of predicted probabilities or numbers."""

import numpy as np

from models.metrics.additive import AdditiveMetric, ratio
from models.metrics.scored import Scored


class Rmse(AdditiveMetric):
    """sqrt(sum w (y - p)^2 / sum w); of probabilities its square is the Brier score."""

    def __init__(self) -> None:
        super().__init__(2)

    def terms(self, rows: Scored) -> np.ndarray:
        return np.array([rows.weights @ np.square(rows.labels - rows.scores), rows.weights.sum()])

    def value(self, sums: np.ndarray) -> float:
        return float(np.sqrt(ratio(sums[0], sums[1])))
