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
from models.metrics import Auc, ClassLogLoss, LogLoss, Rmse, Scored

BLOCKS = 20
_T = 2.093  # 97.5 % quantile of Student's t with BLOCKS - 1 degrees of freedom
_T_EARLY = 3.174  # its 99.75 % quantile
_EARLY_LOOKS = 3
_LEAST_BLOCK = 100  # rows
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


_auc, _log_loss, _rmse, _of_classes = Auc(_AUC_BINS), LogLoss(), Rmse(), ClassLogLoss()
# Of a ranker, by the kind of its task.
MEASURES: Mapping[TaskKind, Mapping[str, Measure]] = {
    "binary": {
        "auc": Measure(_auc.terms, lambda sums: -_auc.value(sums)),
        "log_loss": Measure(_log_loss.terms, _log_loss.value),
    },
    "regression": {"rmse": Measure(_rmse.terms, _rmse.value)},
    "multiclass": {"log_loss": Measure(_of_classes.terms, _of_classes.value)},
}


def worse_by(
    badness: Badness, ours: np.ndarray, theirs: np.ndarray, quantile: float = _T
) -> Interval:
    """How much worse ours is than theirs; NaN where that is not defined.

    Args:
        ours, theirs: (`BLOCKS`, size) sums of the same rows.
        quantile: of Student's t, half the width of the interval in standard errors.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = badness(ours.sum(axis=0)) - badness(theirs.sum(axis=0))
        rest = zip(ours.sum(axis=0) - ours, theirs.sum(axis=0) - theirs, strict=True)
        without = np.array([badness(our) - badness(their) for our, their in rest])
        deviations = without - without.mean()
        width = quantile * float(np.sqrt((BLOCKS - 1) / BLOCKS * (deviations @ deviations)))
    return Interval(whole, whole - width, whole + width)


class PairedWindow:
    """Sums of two models over the newest rows, in `BLOCKS` full blocks and one that is filled.

    Blocks are short at first, and two become one each time that all are full: so there is a look at
    an eighth, a quarter and a half of the rows. As these come on top of the others, their interval
    is one of 99.5 %: together they say by .75 % at most what is not so. One that is much better
    needs few rows; one that is about as good needs all.

    Reference: Jennison and Turnbull, Group Sequential Methods, 1999, sections 1.3 and 2.

    Args:
        badness: of sums, by measure.
        rows: of the full blocks together, in the end.
    """

    def __init__(self, badness: Mapping[str, Badness], rows: int) -> None:
        self._badness = dict(badness)
        self._last_block_rows = max(1, rows // BLOCKS)
        looks = max(0, min(_EARLY_LOOKS, (self._last_block_rows // _LEAST_BLOCK).bit_length() - 1))
        self._block_rows = -(-self._last_block_rows >> looks)
        self._full: list[dict[str, np.ndarray]] = []  # (2, size) by measure, oldest first
        self._filling: dict[str, np.ndarray] = {}
        self._filled = self._counted = 0
        self._found: dict[str, Interval] = {}  # at the last look

    @property
    def progress(self) -> float:
        """Share of the rows that are there; at 1 there is something to judge by."""
        return min(self._counted / (BLOCKS * self._last_block_rows), 1.0)

    def update(self, terms: Mapping[str, Pair], rows: int) -> None:
        """Count a batch: the contributions of its `rows` to the sums, by measure."""
        for name, pair in terms.items():
            self._filling[name] = self._filling.get(name, 0.0) + np.stack(pair)
        self._filled += rows
        self._counted += rows
        if self._filled >= self._block_rows:
            if len(self._full) == BLOCKS and self._block_rows < self._last_block_rows:
                self._lengthen()
            if self._filled < self._block_rows:
                return
            self._full = [*self._full, self._filling][-BLOCKS:]
            self._filling, self._filled = {}, 0
            if len(self._full) == BLOCKS:
                self._look()

    def worse_by(self) -> dict[str, Interval]:
        """How much worse ours is, by measure, at the last look; empty before the first."""
        return dict(self._found)

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that a snapshot holds; `restore` takes them back."""
        arrays = {
            f"{place}/{name}": sums
            for place, block in enumerate([*self._full, self._filling])
            for name, sums in block.items()
        }
        counts = [len(self._full), self._filled, self._block_rows, self._counted]
        return {**arrays, "filled": np.array(counts)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state`; what an earlier version wrote has blocks of the last length."""
        full, self._filled, *rest = map(int, state["filled"])
        own = self._last_block_rows
        self._block_rows, self._counted = rest or (own, full * own + self._filled)
        self._full = [below(str(place), state) for place in range(full)]
        self._filling = below(str(full), state)
        if len(self._full) == BLOCKS:
            self._look()

    def _look(self) -> None:
        if self._counted >= BLOCKS * self._last_block_rows:
            self._block_rows = self._last_block_rows
        quantile = _T if self._block_rows >= self._last_block_rows else _T_EARLY
        for name, badness in self._badness.items():
            ours, theirs = np.stack([block[name] for block in self._full], axis=1)
            self._found[name] = worse_by(badness, ours, theirs, quantile)

    def _lengthen(self) -> None:
        """Make one block of each two."""
        self._full = [
            {name: one[name] + two[name] for name in one}
            for one, two in zip(self._full[::2], self._full[1::2], strict=True)
        ]
        self._block_rows = min(2 * self._block_rows, self._last_block_rows)
