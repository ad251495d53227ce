"""What every model must beat: popularity, and EASE."""

import numpy as np

from models.ease import ease_weights
from models.evaluation.lists.full_corpus import Scorer
from models.evaluation.lists.protocols import Protocol
from models.evaluation.lists.questions import Questions


def popularity(found: Protocol) -> "Baseline":
    """How often an item was in the training rows, for everyone."""
    counts = np.bincount(found.train.values, minlength=found.test.items).astype(np.float32)
    return Baseline(counts, None)


def ease(found: Protocol, regularisation: float = 250.0) -> "Baseline":
    """The weights of `models.ease` on the items of the history.

    Args:
        regularisation: l.
    """
    weights = np.zeros((found.test.items, found.test.items), np.float32)
    known, places = np.unique(found.train.values, return_inverse=True)
    fitted = ease_weights(found.train.lists, places, regularisation)
    weights[np.ix_(known, known)] = fitted
    return Baseline(np.zeros(found.test.items, np.float32), weights)


class Baseline:
    """Scores of items that are the same for everyone, or sums over the history.

    Args:
        scores: (items,) for everyone.
        weights: (items, items) of an item of the history for each item; None is none.
    """

    def __init__(self, scores: np.ndarray, weights: np.ndarray | None) -> None:
        self._scores, self._weights = scores, weights

    def scorer(self, questions: Questions) -> Scorer:
        """The scores of these questions, by their numbers."""

        def score(which: np.ndarray) -> np.ndarray:
            if self._weights is None:
                return np.tile(self._scores, (len(which), 1))
            history = questions.history.mask(which, questions.items)
            return history.astype(np.float32) @ self._weights

        return score
