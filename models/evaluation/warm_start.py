"""Warm start: a network that is initialised from the weights of others."""

from collections.abc import Callable, Iterable

import keras
import numpy as np

from models.evaluation.encoded import Columns, EncodedExamples
from models.evaluation.learner import Report
from models.evaluation.networks import Network

Copy = Callable[[keras.Model, keras.Model], None]


class WarmStart:
    """A `Learner`: the others learn first, from the same rows, and hand their weights over.

    Args:
        firsts: the others, each with what copies its weights into the network.
        network: that learns on.
    """

    def __init__(self, firsts: Iterable[tuple[Network, Copy]], network: Network) -> None:
        self.firsts = tuple(firsts)
        self.network = network

    def fit(
        self, train: EncodedExamples, valid: EncodedExamples, report: Report
    ) -> tuple[int, float]:
        """Train all, one after the other; the epochs and the seconds are those of all together."""
        done = []
        for first, copy in self.firsts:
            done.append(first.fit(train, valid, report))
            copy(first.model, self.network.model)
        done.append(self.network.fit(train, valid, report))
        epochs, seconds = zip(*done, strict=True)
        return sum(epochs), sum(seconds)

    def predict(self, x: Columns) -> np.ndarray:
        return self.network.predict(x)
