"""Optimisers of embedding rows: they see only the rows of a batch, gathered, each row once.

An optimiser is a pure function of (values, slots, gradient, step); `slots` names what it keeps with
each row. A gradient of 0 in a whole row never comes: a row that is not in the batch is not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Slots = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Slot:
    """Optimiser slot of a row: one number (`per_value` False) or one for each of its values."""

    initial: float = 0.0
    per_value: bool = True


class RowOptimiser(Protocol):
    """Turns the gradient of rows into their next values."""

    @property
    def slots(self) -> Mapping[str, Slot]:
        """Slots of each row, by name."""
        ...

    def update(
        self, values: np.ndarray, slots: Slots, gradient: np.ndarray, step: int
    ) -> tuple[np.ndarray, Slots]:
        """The next values and slots.

        Args:
            values: (n, width) float32.
            slots: (n, width) or (n, 1) float32 by name.
            gradient: (n, width) float32, summed over the batch.
            step: counts from 1.
        """
        ...


@dataclass(frozen=True)
class RowAdagrad:
    """G <- G + mean(g^2); v <- v - rate g / sqrt(G), with one G for a row.

    Reference: Gupta et al., "Training recommender systems at scale: communication-efficient model
    and data parallelism", 2020, https://arxiv.org/abs/2010.08899, section 4.2.
    """

    rate: float = 0.05
    initial: float = 0.1

    @property
    def slots(self) -> Mapping[str, Slot]:
        return {"sum": Slot(self.initial, per_value=False)}

    def update(
        self, values: np.ndarray, slots: Slots, gradient: np.ndarray, step: int
    ) -> tuple[np.ndarray, Slots]:
        width = np.float32(gradient.shape[1])
        squares = np.einsum("ij,ij->i", gradient, gradient)[:, None] / width
        total = slots["sum"] + squares
        move = gradient * (np.float32(self.rate) / np.sqrt(total))
        return np.subtract(values, move, out=move), {"sum": total}


@dataclass(frozen=True)
class LazyAdam:
    """Adam whose moments of a row move only when the row is in the batch.

    m <- b1 m + (1 - b1) g; s <- b2 s + (1 - b2) g^2;
    v <- v - rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(s) + epsilon), t the number of the step.

    Reference: Kingma & Ba, ICLR 2015, https://arxiv.org/abs/1412.6980, algorithm 1.
    """

    rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    @property
    def slots(self) -> Mapping[str, Slot]:
        return {"mean": Slot(), "square": Slot()}

    def update(
        self, values: np.ndarray, slots: Slots, gradient: np.ndarray, step: int
    ) -> tuple[np.ndarray, Slots]:
        b1, b2 = np.float32(self.beta_1), np.float32(self.beta_2)
        mean = b1 * slots["mean"] + (1 - b1) * gradient
        square = b2 * slots["square"] + (1 - b2) * gradient * gradient
        rate = self.rate * np.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        move = np.float32(rate) * mean / (np.sqrt(square) + np.float32(self.epsilon))
        return values - move, {"mean": mean, "square": square}


@dataclass(frozen=True)
class Ftrl:
    """FTRL-proximal: n' = n + g^2; z <- z + g - (sqrt(n') - sqrt(n)) / rate v;
    v <- 0 where |z| <= l1, else -(z - sign(z) l1) / ((beta + sqrt(n')) / rate + l2).

    A row that starts at v_0 other than 0 starts with the z that has v_0 as its solution.

    Reference: McMahan et al., KDD 2013, https://doi.org/10.1145/2487575.2488200, algorithm 1.
    """

    rate: float = 0.05
    beta: float = 1.0
    l1: float = 0.0
    l2: float = 0.0

    @property
    def slots(self) -> Mapping[str, Slot]:
        return {"z": Slot(), "n": Slot()}

    def update(
        self, values: np.ndarray, slots: Slots, gradient: np.ndarray, step: int
    ) -> tuple[np.ndarray, Slots]:
        rate, beta = np.float32(self.rate), np.float32(self.beta)
        l1, l2 = np.float32(self.l1), np.float32(self.l2)
        before = slots["n"]
        start = -values * (beta / rate + l2) - np.sign(values) * l1
        z = np.where(before == 0, start, slots["z"])
        after = before + gradient * gradient
        z = z + gradient - (np.sqrt(after) - np.sqrt(before)) / rate * values
        solved = -(z - np.sign(z) * l1) / ((beta + np.sqrt(after)) / rate + l2)
        return np.where(np.abs(z) <= l1, np.float32(0), solved), {"z": z, "n": after}
