"""How much each task counts: from fixed weights to those that gradients decide.

A balance is asked at each step for the weights of the losses, from what was measured in it, and is
told the means of each epoch. It holds NumPy arrays alone; `Uncertainty` is in
`models.multi_task.uncertainty`, because its weights are learnt with the network's.
"""

from collections.abc import Sequence
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
        follows: whether it takes the figures of each epoch.
    """

    reads: Reads | None
    follows: bool

    def weights(self, measured: Measured | None) -> np.ndarray:
        """(tasks,) weights of this step's losses.

        Args:
            measured: None where `reads` is None.
        """

    def end_epoch(self, losses: np.ndarray, figures: np.ndarray | None) -> None:
        """Take the means of an epoch.

        Args:
            losses: (tasks,).
            figures: (tasks,) in [0, 1], such as the AUC; None where the balance does not `follow`.
        """

    def state(self) -> State:
        """Arrays that `restore` takes back."""

    def restore(self, state: State) -> None:
        """Continue from `state`."""


class Plain:
    """A balance that reads no gradients and keeps nothing."""

    reads: Reads | None = None
    follows: bool = False

    def end_epoch(self, losses: np.ndarray, figures: np.ndarray | None) -> None:
        """Keep nothing of it."""

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        """Nothing was kept."""


class Fixed(Plain):
    """w_k as given.

    Args:
        given: (tasks,) weights, not negative.
    """

    def __init__(self, given: Sequence[float]) -> None:
        self.given = np.asarray(given, np.float64)

    def weights(self, measured: Measured | None) -> np.ndarray:
        return self.given


class Decaying(Plain):
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


class Dwa(Plain):
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

    def end_epoch(self, losses: np.ndarray, figures: np.ndarray | None) -> None:
        self._losses = np.stack([self._losses[1], losses])

    def state(self) -> State:
        return {"losses": self._losses.copy()}

    def restore(self, state: State) -> None:
        self._losses = state["losses"].copy()


class Dtp(Plain):
    """w_k = -(1 - kappa_k)^gamma log kappa_k, kappa a running figure in (0, 1].

    Args:
        tasks: K.
        gamma: how strongly.
        share: of the newest figure in kappa.

    Reference: Guo et al., ECCV 2018, https://doi.org/10.1007/978-3-030-01270-0_17, eq. 2 and 3.
    """

    follows = True

    def __init__(self, tasks: int, gamma: float = 1.0, share: float = 0.5) -> None:
        self.gamma, self.share = gamma, share
        self._kappa = np.full(tasks, np.nan)

    def weights(self, measured: Measured | None) -> np.ndarray:
        if np.isnan(self._kappa).any():
            return np.ones(len(self._kappa))
        kappa = np.clip(self._kappa, 1e-6, 1.0)
        return -((1.0 - kappa) ** self.gamma) * np.log(kappa)

    def end_epoch(self, losses: np.ndarray, figures: np.ndarray | None) -> None:
        assert figures is not None
        old = np.where(np.isnan(self._kappa), figures, self._kappa)
        self._kappa = self.share * figures + (1.0 - self.share) * old

    def state(self) -> State:
        return {"kappa": self._kappa.copy()}

    def restore(self, state: State) -> None:
        self._kappa = state["kappa"].copy()
