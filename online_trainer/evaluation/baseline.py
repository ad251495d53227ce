"""The ranker as it was at one snapshot, scoring every batch beside the one that learns."""

from collections.abc import Mapping

import numpy as np

from online_trainer.evaluation.progressive import Comparison
from online_trainer.learners.batch import Batch
from online_trainer.learners.ranker import Ranker


class FrozenBaseline:
    """A frozen ranker, and how it compares.

    Args:
        ranker: fresh; never learns. It is filled from a snapshot.

    Attributes:
        version: of the snapshot that it was frozen at; None until then.
        comparison: over the batches since.
    """

    def __init__(self, ranker: Ranker) -> None:
        self.ranker = ranker
        self.version: int | None = None
        self.comparison = Comparison()

    def compare(self, batch: Batch, online: np.ndarray) -> None:
        """Score a batch too, once frozen."""
        if self.version is not None:
            frozen = self.ranker.score(batch)
            self.comparison.update(online, frozen, batch.labels, batch.weights)

    def state(self) -> dict[str, np.ndarray]:
        """Arrays of the comparison; the weights are those of the snapshot `version`."""
        return self.comparison.state()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue the comparison."""
        self.comparison.restore(state)
