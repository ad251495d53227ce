"""Training batch: the models' inputs of some rows, their labels and weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

_EXTREME = 1e6


@dataclass(frozen=True)
class Batch:
    """Aligned rows.

    Args:
        inputs: by field, (rows,) or (rows, length); ids int64, floats float32.
        labels: (rows,) float32 in [0, 1], but where it is a number, or that of a class.
        weights: (rows,) float32, not negative.
        is_positive: (rows,) bool: observed, and liked: what the retriever learns from.
        groups: (rows,) int32, ascending from 0: rows of one event share theirs. Each row is alone
            where it is missing.
        log_odds: (rows,) float32: the log of how many times likelier a draw of negatives gives the
            row's item than a uniform draw. 0 where it is missing.
        is_shown: (rows,) bool: of a list that was shown. No row is where it is missing.
        is_late: (rows,) bool: shown, and a positive that came after it was taken for a negative. No
            row is where it is missing.
        positions: (rows,) int32: place in the list that was shown, from 0; -1 where it is missing.
        kept: (rows,) float32 in (0, 1]: the share of negatives like the row that a sample has; None
            is 1.
        tasks: (rows,) int32: place of the task that the label is for; 0 where it is missing.
        is_number: (rows,) bool: the label is any number, or that of a class; False where it is
            missing.
    """

    inputs: Mapping[str, np.ndarray]
    labels: np.ndarray
    weights: np.ndarray
    is_positive: np.ndarray
    groups: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    log_odds: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    is_shown: np.ndarray = field(default_factory=lambda: np.zeros(0, np.bool_))
    is_late: np.ndarray = field(default_factory=lambda: np.zeros(0, np.bool_))
    positions: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    kept: np.ndarray | None = None
    tasks: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    is_number: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def __post_init__(self) -> None:
        """Fill in what is missing."""
        rows = len(self.labels)
        if not len(self.groups):
            object.__setattr__(self, "groups", np.arange(rows, dtype=np.int32))
        if not len(self.log_odds):
            object.__setattr__(self, "log_odds", np.zeros(rows, np.float32))
        if not len(self.is_shown):
            object.__setattr__(self, "is_shown", np.zeros(rows, np.bool_))
        if not len(self.is_late):
            object.__setattr__(self, "is_late", np.zeros(rows, np.bool_))
        if not len(self.positions):
            object.__setattr__(self, "positions", np.full(rows, -1, np.int32))
        if not len(self.tasks):
            object.__setattr__(self, "tasks", np.zeros(rows, np.int32))
        if not len(self.is_number):
            object.__setattr__(self, "is_number", np.zeros(rows, bool))

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def joined(cls, batches: Sequence["Batch"]) -> "Batch":
        """The rows of all, in order; no two batches share an event."""
        ends = np.cumsum([int(each.groups[-1]) + 1 for each in batches])
        groups = [each.groups + at for each, at in zip(batches, [0, *ends[:-1]], strict=True)]

        def column(name: str) -> np.ndarray:
            return np.concatenate([getattr(each, name) for each in batches])

        return cls(
            inputs={
                name: np.concatenate([each.inputs[name] for each in batches])
                for name in batches[0].inputs
            },
            labels=column("labels"),
            weights=column("weights"),
            is_positive=column("is_positive"),
            groups=np.concatenate(groups).astype(np.int32),
            log_odds=column("log_odds"),
            is_shown=column("is_shown"),
            is_late=column("is_late"),
            positions=column("positions"),
            kept=np.exp(np.concatenate([each.log_kept() for each in batches])),
            tasks=column("tasks"),
            is_number=column("is_number"),
        )

    def take(self, places: np.ndarray | slice) -> "Batch":
        """Some of the rows."""
        _, groups = np.unique(self.groups[places], return_inverse=True)
        return Batch(
            inputs={name: column[places] for name, column in self.inputs.items()},
            labels=self.labels[places],
            weights=self.weights[places],
            is_positive=self.is_positive[places],
            groups=groups.astype(np.int32),
            log_odds=self.log_odds[places],
            is_shown=self.is_shown[places],
            is_late=self.is_late[places],
            positions=self.positions[places],
            kept=None if self.kept is None else self.kept[places],
            tasks=self.tasks[places],
            is_number=self.is_number[places],
        )

    def log_kept(self) -> np.ndarray:
        """(rows,) float32: the logarithm of `kept`."""
        if self.kept is None:
            return np.zeros(len(self), np.float32)
        return np.log(self.kept)

    def sound(self) -> np.ndarray:
        """(rows,) bool: every number is finite, the label and the weight in their range."""
        sound = np.isfinite(self.labels)
        sound &= self.is_number | ((self.labels >= 0) & (self.labels <= 1))
        sound &= np.isfinite(self.weights) & (self.weights >= 0) & np.isfinite(self.log_odds)
        for column in self.inputs.values():
            if column.dtype.kind == "f":
                finite = np.isfinite(column)
                sound &= finite if finite.ndim == 1 else finite.all(axis=1)
        return sound

    def extreme(self) -> np.ndarray:
        """(rows,) bool: a number is so large that it alone may make a step's loss overflow."""
        extreme = (self.weights > _EXTREME) | (np.abs(self.labels) > _EXTREME)
        for column in self.inputs.values():
            if column.dtype.kind == "f":
                large = np.abs(column) > _EXTREME
                extreme |= large if large.ndim == 1 else large.any(axis=1)
        return extreme
