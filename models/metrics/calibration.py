"""Calibration: predicted positives over those that came."""

import numpy as np

from models.metrics.additive import AdditiveMetric, ratio
from models.metrics.scored import Scored


class Calibration(AdditiveMetric):
    """sum w p / sum w y: 1 is calibrated on the whole, above 1 promises too much."""

    def __init__(self) -> None:
        super().__init__(2)

    def terms(self, rows: Scored) -> np.ndarray:
        return np.array([rows.weights @ rows.scores, rows.weights @ rows.labels])

    def value(self, sums: np.ndarray) -> float:
        return ratio(sums[0], sums[1])
