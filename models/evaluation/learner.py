"""Protocol of a model in an evaluation, network or trees."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from models.evaluation.encoded import Columns, EncodedExamples

# Told how much of the training is done, between 0 and 1, and the best AUC so far (or NaN).
Report = Callable[[float, float], None]


class OfflineLearner(Protocol):
    """Learns from one part of a dataset and scores another."""

    def fit(
        self, train: EncodedExamples, valid: EncodedExamples, report: Report
    ) -> tuple[int, float]:
        """Train until the AUC of `valid` rises no more, and keep what was best.

        Returns:
            Epochs, and the seconds that training took, validation not counted where that is known.
        """

    def predict(self, x: Columns) -> np.ndarray:
        """The probabilities of all rows, (n,)."""
