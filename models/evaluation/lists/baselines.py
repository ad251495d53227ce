"""What every model must beat."""

import numpy as np

from models.evaluation.lists.full_corpus import Scorer
from models.evaluation.lists.protocols import Protocol
from models.evaluation.lists.questions import Questions


class Popularity:
    """How often an item was in the training rows, for everyone.

    Args:
        found: a protocol, whose training lists are counted.
    """

    def __init__(self, found: Protocol) -> None:
        self._counts = np.bincount(found.train.values, minlength=found.test.items)

    def scorer(self, questions: Questions) -> Scorer:
        """The scores of these questions, by their numbers."""
        return lambda which: np.tile(self._counts.astype(np.float32), (len(which), 1))
