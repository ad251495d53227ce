"""Relative root mean square error: that of always predicting the mean label gives 1."""

import numpy as np

from models.metrics.additive import AdditiveMetric, ratio
from models.metrics.scored import Scored


class RelativeRmse(AdditiveMetric):
    """sqrt(sum w (y - p)^2 / sum w (y - mean y)^2); its square is 1 - R^2."""

    def __init__(self) -> None:
        super().__init__(4)

    def terms(self, rows: Scored) -> np.ndarray:
        w, y = rows.weights, rows.labels
        return np.array([w @ np.square(y - rows.scores), w @ np.square(y), w @ y, w.sum()])

    def value(self, sums: np.ndarray) -> float:
        errors, squares, total, weight = sums
        spread = squares - ratio(total, weight) * total
        return float(np.sqrt(ratio(errors, spread))) if spread > 0 else float("nan")
