"""Protocol of ranker and retriever: enough to save and restore either."""

from collections.abc import Mapping
from typing import Protocol

import keras
import numpy as np

from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.dense import DenseWeights


class OnlineLearner(Protocol):
    """A network that learns online.

    Attributes:
        network: as the catalogue builds it; its weights are published.
        tables: its embedding rows.
        dense: the optimiser of its weights.
        step: how many steps it has taken.
    """

    network: keras.Model
    tables: DynamicTables
    dense: DenseWeights
    step: int

    def memory(self) -> dict[str, np.ndarray]:
        """State beside weights and tables, for a snapshot."""
        ...

    def restore_memory(self, memory: Mapping[str, np.ndarray]) -> None:
        """Continue from `memory`."""
        ...
