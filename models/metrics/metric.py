"""Protocol of a streaming metric."""

from typing import Protocol, Self

import numpy as np

from models.metrics.scored import Scored

State = dict[str, np.ndarray]


class Metric(Protocol):
    """Takes rows in any number of batches; its state is arrays that a snapshot can hold."""

    def update(self, rows: Scored) -> None:
        """Count more rows."""

    def merge(self, other: Self) -> None:
        """Count the rows that `other` has counted."""

    def result(self) -> float:
        """The value over all rows; NaN while the rows do not define it."""

    def state(self) -> State:
        """Copies of the arrays that hold everything counted."""

    def restore(self, state: State) -> None:
        """Go on from `state`."""
