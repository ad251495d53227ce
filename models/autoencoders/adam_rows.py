"""Rows that grow, of which a step moves those that it read."""

import numpy as np

from models.autoencoders.network import TableShape

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


class AdamRows:
    """A table of rows 0, 1, ... with Adam's moments of each row.

    A row's moments and its count of steps move only when it is in a batch (lazy Adam): the cost of
    a step does not depend on the table. A row begins at what `init` draws for its number plus 1, as
    a Keras table does whose row 0 is padding.

    Args:
        shape: name, width and first values.

    Reference: Kingma & Ba, ICLR 2015, https://arxiv.org/abs/1412.6980, algorithm 1.
    """

    def __init__(self, shape: TableShape) -> None:
        self.shape = shape
        self.values = np.empty((0, shape.width), np.float32)
        self._mean, self._square = self.values.copy(), self.values.copy()
        self._steps = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.values)

    def grow(self, rows: int) -> None:
        """Have at least `rows` rows; those that are there stay as they are."""
        new = rows - len(self)
        if new <= 0:
            return
        ids = np.arange(len(self) + 1, rows + 1)
        first = self.shape.init.rows(ids, self.shape.width, self.shape.name)
        zeros = np.zeros_like(first)
        self.values = np.vstack([self.values, first])
        self._mean, self._square = (np.vstack([a, zeros]) for a in (self._mean, self._square))
        self._steps = np.r_[self._steps, np.zeros(new, np.int64)]

    def learn(self, ids: np.ndarray, gradients: np.ndarray, rate: float) -> None:
        """One step of different rows, `gradients` (len(ids), width)."""
        self._steps[ids] += 1
        steps = self._steps[ids, None]
        mean = _BETAS[0] * self._mean[ids] + (1 - _BETAS[0]) * gradients
        square = _BETAS[1] * self._square[ids] + (1 - _BETAS[1]) * np.square(gradients)
        self._mean[ids], self._square[ids] = mean, square
        mean = mean / (1 - _BETAS[0] ** steps)
        square = square / (1 - _BETAS[1] ** steps)
        self.values[ids] -= (rate * mean / (np.sqrt(square) + _EPSILON)).astype(np.float32)

    def state(self) -> dict[str, np.ndarray]:
        """Copies of values, moments and counts."""
        own = {"values": self.values, "mean": self._mean, "square": self._square}
        return {name: array.copy() for name, array in (own | {"steps": self._steps}).items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from `state`."""
        self.values, self._mean = state["values"].copy(), state["mean"].copy()
        self._square, self._steps = state["square"].copy(), state["steps"].copy()
