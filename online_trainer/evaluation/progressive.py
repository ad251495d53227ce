"""Progressive quality: every example is scored before it is learnt from.

By segment, over everything and over the newest rows. A window is counted in rows, not in seconds,
so that a replay gives the same values.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from millstream.domain.tasks import MAX_CLASSES, TaskKind
from millstream.snapshots.layout import below
from models.metrics import (
    Accuracy,
    Auc,
    Calibration,
    ClassEntropy,
    ClassLogLoss,
    Gauc,
    LogLoss,
    Metric,
    NormalisedEntropy,
    RelativeRmse,
    Rmse,
    Scored,
    Windowed,
)
from online_trainer.io.examples import are_shown

SEGMENTS = ("all", "observed", "organic", "impression", "known_user", "new_user")
SPANS = ("overall", "window")
_WINDOW_BUCKETS = 10
_AUC_BINS = 1024
_HIT_STEPS = 50  # of the retriever, in a bucket

METRICS: dict[TaskKind, dict[str, Callable[[], Metric]]] = {
    "binary": {
        "auc": partial(Auc, _AUC_BINS),
        "log_loss": LogLoss,
        "normalised_entropy": NormalisedEntropy,
        "calibration": Calibration,
    },
    "regression": {"rmse": Rmse, "relative_rmse": RelativeRmse, "calibration": Calibration},
    "multiclass": {
        "log_loss": ClassLogLoss,
        "normalised_entropy": partial(ClassEntropy, MAX_CLASSES),
        "accuracy": Accuracy,
    },
}
# By kind of task, the metric that is 1 where only the mean label, or the share of each class, is
# known, and grows with errors.
RELATIVE_ERROR: dict[TaskKind, str] = {
    "binary": "normalised_entropy",
    "regression": "relative_rmse",
    "multiclass": "normalised_entropy",
}


class Rows(NamedTuple):
    """Which rows of a batch belong where; all (rows,).

    Args:
        users: int64 ids.
        origin: `organic`, `impression`, `corrected` or `sampled`, as strings.
        known: bool, whether the user had a row of its own.
    """

    users: np.ndarray
    origin: np.ndarray
    known: np.ndarray

    def take(self, places: np.ndarray) -> "Rows":
        """Some of them."""
        return Rows(*(column[places] for column in self))

    def segments(self) -> dict[str, np.ndarray]:
        """(rows,) bool by segment. Sampled negatives belong to the organic positives."""
        sampled, shown = self.origin == "sampled", are_shown(self.origin)
        return {
            "all": np.ones(len(self.known), bool),
            "observed": ~sampled,
            "organic": ~shown,
            "impression": shown,
            "known_user": self.known,
            "new_user": ~self.known,
        }


class ProgressiveMetrics:
    """Every metric of every segment of a task, overall and over a window.

    A binary task has GAUC over the window, too, and the first one the retriever's hit rate.

    Args:
        window_rows: of a segment.
        kind: of the task.
    """

    def __init__(self, window_rows: int = 20_000, kind: TaskKind = "binary") -> None:
        self.kind = kind

        def windowed(make: Callable[[], Any]) -> Metric:
            bucket = max(1, window_rows // _WINDOW_BUCKETS)
            return Windowed(make, buckets=_WINDOW_BUCKETS, bucket_rows=bucket)

        self._metrics: dict[tuple[str, str, str], Metric] = {}
        if kind == "binary":
            self._metrics["all", "window", "gauc"] = windowed(Gauc)
        for segment in SEGMENTS:
            for name, make in METRICS[kind].items():
                self._metrics[segment, "overall", name] = make()
                self._metrics[segment, "window", name] = windowed(make)
        self._hit_rate = Windowed(Calibration, buckets=_WINDOW_BUCKETS, bucket_rows=_HIT_STEPS)

    def update(
        self, scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, rows: Rows
    ) -> None:
        """Count a batch."""
        numbers = self.kind != "binary"
        scored = {
            segment: Scored(
                labels[own], scores[own], weights[own], rows.users[own], are_numbers=numbers
            )
            for segment, own in rows.segments().items()
            if own.any()
        }
        for (segment, _, _), metric in self._metrics.items():
            if segment in scored:
                metric.update(scored[segment])

    def retrieved(self, hit_rate: float, positives: int) -> None:
        """Count a step of the retriever.

        Args:
            hit_rate: of its positives, before they were learnt from.
            positives: of the step.
        """
        step = np.ones(1)  # sum w p / sum w is the mean
        self._hit_rate.update(Scored(step, hit_rate * step, positives * step))

    def value(self, segment: str, span: str, metric: str) -> float:
        """One metric; NaN while it is not defined."""
        return self._all[segment, span, metric].result()

    def relative_error(self) -> float:
        """Over the window, 1 where only the mean label is known; NaN while it is not defined."""
        return self.value("all", "window", RELATIVE_ERROR[self.kind])

    def values(self) -> dict[tuple[str, str, str], float]:
        """Every metric by (segment, span, name)."""
        return {key: metric.result() for key, metric in self._all.items()}

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that a snapshot holds; `restore` takes them back."""
        return {
            f"{'/'.join(key)}/{name}": array
            for key, metric in self._all.items()
            for name, array in metric.state().items()
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state`."""
        for key, metric in self._all.items():
            if own := below("/".join(key), state):  # one of before may lack it
                metric.restore(own)

    @property
    def _all(self) -> dict[tuple[str, str, str], Metric]:
        return {**self._metrics, ("all", "window", "hit_rate"): self._hit_rate}


class Comparison:
    """The learner beside itself as it was once: the AUC of both over the same rows."""

    def __init__(self) -> None:
        self.rows = 0
        self._auc = {"online": Auc(_AUC_BINS), "frozen": Auc(_AUC_BINS)}

    def update(
        self, online: np.ndarray, frozen: np.ndarray, labels: np.ndarray, weights: np.ndarray
    ) -> None:
        """Count a batch that both have scored."""
        self.rows += len(labels)
        self._auc["online"].update(Scored(labels, online, weights))
        self._auc["frozen"].update(Scored(labels, frozen, weights))

    def values(self) -> dict[str, float]:
        """AUC by who scored; NaN while it is not defined."""
        return {name: metric.result() for name, metric in self._auc.items()}

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that a snapshot holds; `restore` takes them back."""
        sums = {f"{name}/sums": metric.state()["sums"] for name, metric in self._auc.items()}
        return {**sums, "rows": np.array(self.rows)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state`."""
        self.rows = int(state["rows"])
        for name, metric in self._auc.items():
            metric.restore(below(name, state))
