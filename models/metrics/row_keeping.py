"""Row-keeping metric: its state is the rows themselves."""

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np

from models.metrics.metric import State
from models.metrics.scored import Scored


class RowKeepingMetric(ABC):
    """Base of the metrics within groups: exact, 32 bytes a row.

    Over an endless stream use them within `Windowed`.
    """

    title: ClassVar[str]

    def __init__(self) -> None:
        self._rows: list[State] = []

    @abstractmethod
    def value(self, rows: State) -> float:
        """The metric of at least one row: `labels`, `scores`, `weights` and `groups`."""

    def update(self, rows: Scored) -> None:
        """Count more rows.

        Raises:
            ValueError: `groups` is missing.
        """
        if rows.groups is None:
            raise ValueError(f"`groups` must be given for {self.title}. Received: None.")
        self._rows.append(
            {
                "labels": rows.labels.copy(),
                "scores": rows.scores.copy(),
                "weights": rows.weights.copy(),
                "groups": rows.groups.astype(np.int64),
            }
        )

    def merge(self, other: Self) -> None:
        self._rows.extend(other._rows)

    def result(self) -> float:
        rows = self.state()
        return self.value(rows) if len(rows["labels"]) else float("nan")

    def state(self) -> State:
        names = ("labels", "scores", "weights")
        empty = {**{name: np.empty(0) for name in names}, "groups": np.empty(0, np.int64)}
        return {
            name: np.concatenate([none, *(rows[name] for rows in self._rows)])
            for name, none in empty.items()
        }

    def restore(self, state: State) -> None:
        self._rows = [{name: values.copy() for name, values in state.items()}]
