"""Two models on the same newest rows: how much worse is one than the other, and how sure is that?

Rows are summed up in blocks. The difference of a measure has an interval from leaving each block
out in turn: rows of one event, and of one moment, fall into one block, so that what they have in
common does not make it look surer than it is.

Reference: Künsch, Annals of Statistics 17(3), 1989, https://doi.org/10.1214/aos/1176347265, the
jackknife over blocks.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from millstream.domain.tasks import TaskKind
from millstream.snapshots.layout import below
from models.metrics import Auc, LogLoss, Rmse, Scored

BLOCKS = 20
_T = 2.093  # 97.5 % quantile of Student's t with BLOCKS - 1 degrees of freedom
_AUC_BINS = 512

Badness = Callable[[np.ndarray], float]  # of (size,) sums; more is worse
Pair = tuple[np.ndarray, np.ndarray]  # ours and theirs


class Interval(NamedTuple):
    """A difference and its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.4f} ({self.low:+.4f} to {self.high:+.4f})"


class Measure(NamedTuple):
    """One way in which a ranker may be bad.

    Args:
        terms: of scored rows: their contribution to sums, (size,).
        badness: of sums.
    """

    terms: Callable[[Scored], np.ndarray]
    badness: Badness


_auc, _log_loss, _rmse = Auc(_AUC_BINS), LogLoss(), Rmse()
# Of a ranker, by the kind of its task.
MEASURES: Mapping[TaskKind, Mapping[str, Measure]] = {
    "binary": {
        "auc": Measure(_auc.terms, lambda sums: -_auc.value(sums)),
        "log_loss": Measure(_log_loss.terms, _log_loss.value),
    },
    "regression": {"rmse": Measure(_rmse.terms, _rmse.value)},
}


def worse_by(badness: Badness, ours: np.ndarray, theirs: np.ndarray) -> Interval:
    """How much worse ours is than theirs; NaN where that is not defined.

    Args:
        ours, theirs: (`BLOCKS`, size) sums of the same rows.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = badness(ours.sum(axis=0)) - badness(theirs.sum(axis=0))
        rest = zip(ours.sum(axis=0) - ours, theirs.sum(axis=0) - theirs, strict=True)
        without = np.array([badness(our) - badness(their) for our, their in rest])
        deviations = without - without.mean()
        width = _T * float(np.sqrt((BLOCKS - 1) / BLOCKS * (deviations @ deviations)))
    return Interval(whole, whole - width, whole + width)


class PairedWindow:
    """Sums of two models over the newest rows, in `BLOCKS` full blocks and one that is filled.

    Args:
        badness: of sums, by measure.
        rows: of the full blocks together.
    """

    def __init__(self, badness: Mapping[str, Badness], rows: int) -> None:
        self._badness, self._block_rows = dict(badness), max(1, rows // BLOCKS)
        self._full: list[dict[str, np.ndarray]] = []  # (2, size) by measure, oldest first
        self._filling: dict[str, np.ndarray] = {}
        self._filled = 0

    @property
    def progress(self) -> float:
        """Share of the rows that are there; at 1 there is something to judge by."""
        filled = len(self._full) + min(self._filled / self._block_rows, 1.0)
        return min(filled / BLOCKS, 1.0)

    def update(self, terms: Mapping[str, Pair], rows: int) -> None:
        """Count a batch: the contributions of its `rows` to the sums, by measure."""
        for name, pair in terms.items():
            self._filling[name] = self._filling.get(name, 0.0) + np.stack(pair)
        self._filled += rows
        if self._filled >= self._block_rows:
            self._full = [*self._full, self._filling][-BLOCKS:]
            self._filling, self._filled = {}, 0

    def worse_by(self) -> dict[str, Interval]:
        """How much worse ours is, by measure; empty before the blocks are full."""
        if len(self._full) < BLOCKS:
            return {}
        return {
            name: worse_by(badness, *np.stack([block[name] for block in self._full], axis=1))
            for name, badness in self._badness.items()
        }

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that a snapshot holds; `restore` takes them back."""
        arrays = {
            f"{place}/{name}": sums
            for place, block in enumerate([*self._full, self._filling])
            for name, sums in block.items()
        }
        return {**arrays, "filled": np.array([len(self._full), self._filled])}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state`."""
        full, self._filled = map(int, state["filled"])
        self._full = [below(str(place), state) for place in range(full)]
        self._filling = below(str(full), state)
