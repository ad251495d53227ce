"""How much each task counts: from fixed weights to those that gradients decide.

A balance is asked at each step for the weights of the losses, from what was measured in it, and is
told the means of each epoch. It holds NumPy arrays alone; `Uncertainty` is in
`models.multi_task.uncertainty`, because its weights are learnt with the network's.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np

State = dict[str, np.ndarray]
Reads = Literal["last", "all"]


class Measured(NamedTuple):
    """What is known of a step.

    Args:
        losses: (tasks,) before they are weighed.
        gram: (tasks, tasks) inner products of the losses' gradients for the shared weights that
            the balance reads.
    """

    losses: np.ndarray
    gram: np.ndarray


class Balance(Protocol):
    """Weights of the losses.

    Attributes:
        reads: of which weights the gradients are to be compared: none, those of the last shared
            layer, or of all shared layers.
    """

    reads: Reads | None

    def weights(self, measured: Measured | None) -> np.ndarray:
        """(tasks,) weights of this step's losses.

        Args:
            measured: None where `reads` is None.
        """

    def end_epoch(self, losses: np.ndarray, figures: np.ndarray) -> None:
        """Take the means of an epoch: losses, and a figure in [0, 1] of each task (its AUC)."""

    def state(self) -> State:
        """Arrays that `restore` takes back."""

    def restore(self, state: State) -> None:
        """Continue from `state`."""


class _Balance:
    """A balance that reads no gradients and keeps nothing."""

    reads: Reads | None = None

    def end_epoch(self, losses: np.ndarray, figures: np.ndarray) -> None:
        """Keep nothing of it."""

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        """Nothing was kept."""


class Fixed(_Balance):
    """w_k as given.

    Args:
        given: (tasks,) weights, not negative.
    """

    def __init__(self, given: Sequence[float]) -> None:
        self.given = np.asarray(given, np.float64)

    def weights(self, measured: Measured | None) -> np.ndarray:
        return self.given


class Decaying(_Balance):
    """w_k(t) = w_k gamma_k^t, t the step.

    Args:
        given: (tasks,) first weights.
        rates: (tasks,) gamma.

    Reference: Tang et al., RecSys 2020, https://doi.org/10.1145/3383313.3412236, eq. 8.
    """

    def __init__(self, given: Sequence[float], rates: Sequence[float]) -> None:
        self.given, self.rates = np.asarray(given, np.float64), np.asarray(rates, np.float64)
        self._step = 0

    def weights(self, measured: Measured | None) -> np.ndarray:
        found = self.given * self.rates**self._step
        self._step += 1
        return found

    def state(self) -> State:
        return {"step": np.array(self._step)}

    def restore(self, state: State) -> None:
        self._step = int(state["step"])


class GradNorm(_Balance):
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


class Dwa(_Balance):
    """w_k = K softmax(r_k / T), r_k = L_k(t - 1) / L_k(t - 2), means over epochs; 1 before that.

    Args:
        tasks: K.
        temperature: T.

    Reference: Liu, Johns & Davison, CVPR 2019, https://arxiv.org/abs/1803.10704, eq. 7.
    """

    def __init__(self, tasks: int, temperature: float = 2.0) -> None:
        self.temperature = temperature
        self._losses = np.full((2, tasks), np.nan)  # of the epoch before the last, and of the last

    def weights(self, measured: Measured | None) -> np.ndarray:
        before, last = self._losses
        if np.isnan(before).any():
            return np.ones(len(last))
        ratio = last / np.maximum(before, 1e-12) / self.temperature
        shares = np.exp(ratio - ratio.max())
        return len(last) * shares / shares.sum()

    def end_epoch(self, losses: np.ndarray, figures: np.ndarray) -> None:
        self._losses = np.stack([self._losses[1], losses])

    def state(self) -> State:
        return {"losses": self._losses.copy()}

    def restore(self, state: State) -> None:
        self._losses = state["losses"].copy()


class Dtp(_Balance):
    """w_k = -(1 - kappa_k)^gamma log kappa_k, kappa a running figure in (0, 1].

    Args:
        tasks: K.
        gamma: how strongly.
        share: of the newest figure in kappa.

    Reference: Guo et al., ECCV 2018, https://doi.org/10.1007/978-3-030-01270-0_17, eq. 2 and 3.
    """

    def __init__(self, tasks: int, gamma: float = 1.0, share: float = 0.5) -> None:
        self.gamma, self.share = gamma, share
        self._kappa = np.full(tasks, np.nan)

    def weights(self, measured: Measured | None) -> np.ndarray:
        if np.isnan(self._kappa).any():
            return np.ones(len(self._kappa))
        kappa = np.clip(self._kappa, 1e-6, 1.0)
        return -((1.0 - kappa) ** self.gamma) * np.log(kappa)

    def end_epoch(self, losses: np.ndarray, figures: np.ndarray) -> None:
        old = np.where(np.isnan(self._kappa), figures, self._kappa)
        self._kappa = self.share * figures + (1.0 - self.share) * old

    def state(self) -> State:
        return {"kappa": self._kappa.copy()}

    def restore(self, state: State) -> None:
        self._kappa = state["kappa"].copy()


class PeLtr(_Balance):
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

    def __init__(self, least: Sequence[float]) -> None:
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
