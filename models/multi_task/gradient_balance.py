"""Balances that go by the gradients of each task's loss for the shared weights."""

from collections.abc import Mapping, Sequence

import numpy as np

from models.multi_task.balance import Balance, Dtp, Dwa, Fixed, Measured, Plain, Reads, State


class GradNorm(Plain):
    """Tasks learn at one pace: w moves so that G_k = w_k |grad L_k| nears mean(G) r_k^alpha.

    r_k = L~_k / mean(L~), L~_k = L_k(t) / L_k(0). The slope of sum_k |G_k - target_k| at w_k, the
    target held still, is sign(G_k - target_k) |grad L_k|; after a step along it, w is brought back
    to sum(w) = K.

    Args:
        tasks: K.
        alpha: how strongly slow tasks are helped.
        rate: of the steps of w.

    Reference: Chen et al., ICML 2018, https://arxiv.org/abs/1711.02257, algorithm 1.
    """

    reads: Reads | None = "last"

    def __init__(self, tasks: int, alpha: float = 1.5, rate: float = 0.025) -> None:
        self.alpha, self.rate = alpha, rate
        self._weights = np.ones(tasks)
        self._first = np.zeros(tasks)

    def weights(self, measured: Measured | None) -> np.ndarray:
        assert measured is not None
        if not self._first.any():
            self._first = np.maximum(measured.losses, 1e-12)
        used = self._weights
        norms = np.sqrt(np.maximum(np.diag(measured.gram), 0.0))
        paces = measured.losses / self._first
        paces = paces / max(paces.mean(), 1e-12)
        target = (used * norms).mean() * paces**self.alpha
        moved = used - self.rate * np.sign(used * norms - target) * norms
        moved = np.maximum(moved, 1e-3)
        self._weights = moved * len(moved) / moved.sum()
        return used

    def state(self) -> State:
        return {"weights": self._weights.copy(), "first": self._first.copy()}

    def restore(self, state: State) -> None:
        self._weights, self._first = state["weights"].copy(), state["first"].copy()


class PeLtr(Plain):
    """Weights towards a Pareto point: min |sum_k w_k grad L_k|^2, sum(w) = 1, w_k >= c_k.

    With w = u + c: u solves the KKT system of the equality alone, and is then projected onto
    u >= 0, sum(u) = 1 - sum(c).

    Args:
        least: (tasks,) c, whose sum is below 1.

    Reference: Lin et al., RecSys 2019, https://doi.org/10.1145/3298689.3346998, algorithm 2.

    Raises:
        ValueError: `least` leaves nothing to decide.
    """

    reads: Reads | None = "all"

    def __init__(self, least: Sequence[float] | np.ndarray) -> None:
        if min(least) < 0 or sum(least) >= 1:
            raise ValueError(
                f"`least` must be 0 or more each, of a sum below 1. Received: {least}."
            )
        self.least = np.asarray(least, np.float64)

    def weights(self, measured: Measured | None) -> np.ndarray:
        assert measured is not None
        least, count = self.least, len(self.least)
        free = 1.0 - least.sum()
        kkt = np.ones((count + 1, count + 1))
        kkt[:count, :count] = measured.gram
        kkt[count, count] = 0.0
        wanted = np.r_[-measured.gram @ least, free]
        solved = np.linalg.lstsq(kkt, wanted, rcond=None)[0][:count]
        return least + on_simplex(solved, free)


def on_simplex(x: np.ndarray, total: float) -> np.ndarray:
    """The nearest point to x whose parts are 0 or more and sum up to `total`.

    Reference: Duchi et al., ICML 2008, https://doi.org/10.1145/1390156.1390191, figure 1.

    >>> on_simplex(np.array([2.0, -1.0, 0.5]), 1.0).tolist()
    [1.0, 0.0, 0.0]
    """
    ordered = np.sort(x)[::-1]
    over = (np.cumsum(ordered) - total) / np.arange(1, len(x) + 1)
    return np.maximum(x - over[np.flatnonzero(ordered > over)[-1]], 0.0)


def balances(tasks: int) -> Mapping[str, Balance]:
    """A balance of each kind for that many tasks, by name, with its usual constants."""
    return {
        "fixed": Fixed([1.0] * tasks),
        "grad_norm": GradNorm(tasks),
        "dwa": Dwa(tasks),
        "dtp": Dtp(tasks),
        "pe_ltr": PeLtr([0.1 / tasks] * tasks),
    }
