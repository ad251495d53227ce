"""Two rankers on the same rows, task by task: by how much is one worse, and for sure?

Of a binary task by the order within events (the mean AUC of the rows of one event: of a list, or of
a positive and what was drawn beside it), AUC, log loss and calibration; of a number by the
logarithm of the root mean squared error; of a class by the log loss. Each has an interval
(`paired.worse_by`) over blocks of whole events, in order of time.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from millstream.domain.tasks import TaskKind
from models.metrics import Calibration, Rmse, Scored
from models.metrics.additive import ratio
from models.metrics.auc import grouped_auc
from online_trainer.evaluation import paired
from online_trainer.evaluation.paired import BLOCKS, Interval, Measure, worse_by
from online_trainer.learners.batch import Batch

LEAST_ROWS = 10 * BLOCKS
_LEAST_EVENTS = 2 * BLOCKS


class NamedTask(Protocol):
    """Name and kind of a task."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> TaskKind: ...


def _order_terms(rows: Scored) -> np.ndarray:
    """(2,) sums over events with both labels: weight x AUC, and weight."""
    assert rows.groups is not None
    areas, weights = grouped_auc(rows.labels, rows.scores, rows.weights, rows.groups)
    defined = ~np.isnan(areas)
    return np.array([weights[defined] @ areas[defined], weights[defined].sum()])


_calibration, _rmse = Calibration(), Rmse()
MEASURES: Mapping[TaskKind, Mapping[str, Measure]] = {
    "binary": {
        "event_auc": Measure(_order_terms, lambda sums: -ratio(*sums)),
        **paired.MEASURES["binary"],
        # |log(predicted / observed)|: twice as much is as bad as half.
        "calibration": Measure(
            _calibration.terms, lambda sums: abs(float(np.log(_calibration.value(sums))))
        ),
    },
    # The logarithm: a tenth more error is as bad whatever the unit of the number is.
    "regression": {"rmse": Measure(_rmse.terms, lambda sums: float(np.log(_rmse.value(sums))))},
    "multiclass": paired.MEASURES["multiclass"],
}
# By kind of task, the measure of errors as such.
ERROR: Mapping[TaskKind, str] = {
    "binary": "log_loss",
    "regression": "rmse",
    "multiclass": "log_loss",
}


class TaskRows(NamedTuple):
    """Rows of one task, in blocks.

    Args:
        name, kind: of the task.
        places: (rows,) of them in the batch that they are from.
        labels, weights, groups: (rows,) as in `Batch`.
        blocks: places among these rows, by block.
    """

    name: str
    kind: TaskKind
    places: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    groups: np.ndarray
    blocks: Sequence[np.ndarray]

    def worse_by(self, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Interval]:
        """How much worse ours is, by measure.

        Args:
            ours, theirs: (rows of the batch,) scores.
        """
        return {
            name: worse_by(measure.badness, self._sums(measure, ours), self._sums(measure, theirs))
            for name, measure in MEASURES[self.kind].items()
        }

    def error(self, scores: np.ndarray) -> float:
        """Log loss, or the logarithm of the RMSE, of (rows of the batch,) scores."""
        measure = MEASURES[self.kind][ERROR[self.kind]]
        with np.errstate(divide="ignore", invalid="ignore"):
            return measure.badness(self._sums(measure, scores).sum(axis=0))

    def risen(self, scores: np.ndarray, before: float) -> Interval:
        """How far the `error` of scores is above `before`, that of other rows."""
        measure = MEASURES[self.kind][ERROR[self.kind]]
        now = self._sums(measure, scores)

        def above(sums: np.ndarray) -> float:
            return measure.badness(sums) - before if sums.any() else 0.0

        return worse_by(above, now, np.zeros_like(now))

    def _sums(self, measure: Measure, scores: np.ndarray) -> np.ndarray:
        """(BLOCKS, size) sums of a measure."""
        numbers, own = self.kind != "binary", scores[self.places]
        return np.stack(
            [
                measure.terms(
                    Scored(
                        self.labels[block],
                        own[block],
                        self.weights[block],
                        self.groups[block],
                        are_numbers=numbers,
                    )
                )
                for block in self.blocks
            ]
        )


def by_task(batch: Batch, tasks: Sequence[NamedTask]) -> list[TaskRows]:
    """The rows of each task; a task that has too few to judge by is left out."""
    found = []
    for place, task in enumerate(tasks):
        rows = np.flatnonzero(batch.tasks == place)
        events, of_event = np.unique(batch.groups[rows], return_inverse=True)
        if len(rows) < LEAST_ROWS or len(events) < _LEAST_EVENTS:
            continue
        block = of_event * BLOCKS // len(events)
        blocks = [np.flatnonzero(block == number) for number in range(BLOCKS)]
        columns = (batch.labels[rows], batch.weights[rows], batch.groups[rows])
        found.append(TaskRows(task.name, task.kind, rows, *columns, blocks))
    return found
