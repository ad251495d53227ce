"""Rows with a label and the score that was given before the label was seen."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Scored:
    """Aligned arrays of one batch.

    Args:
        labels: (n,) 0 or 1, or a rate between.
        scores: (n,) predicted probabilities, in [0, 1].
        weights: (n,) not negative; ones where missing.
        groups: (n,) int64, such as the user; needed by GAUC alone.

    Raises:
        ValueError: lengths differ, or a value is out of range.
    """

    labels: np.ndarray
    scores: np.ndarray
    weights: np.ndarray = field(default_factory=lambda: np.empty(0))
    groups: np.ndarray | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "labels", _vector("labels", self.labels))
        set_(self, "scores", _vector("scores", self.scores))
        ones = np.ones(len(self.labels))
        set_(self, "weights", _vector("weights", self.weights) if len(self.weights) else ones)
        for name in ("scores", "weights", "groups"):
            value = getattr(self, name)
            if value is not None and len(value) != len(self.labels):
                raise ValueError(
                    f"`{name}` must have one value for each label. "
                    f"Received: {len(value)} for {len(self.labels)} labels."
                )
        for name, upper in (("labels", 1.0), ("scores", 1.0), ("weights", np.inf)):
            _check_range(name, getattr(self, name), upper)


def _vector(name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 1:
        raise ValueError(f"`{name}` must have one axis. Received: shape {values.shape}.")
    return values


def _check_range(name: str, values: np.ndarray, upper: float) -> None:
    wrong = ~((values >= 0.0) & (values <= upper))
    if wrong.any():
        raise ValueError(
            f"`{name}` must be in [0, {upper:g}]. Received: {values[wrong][0]} at row "
            f"{int(np.argmax(wrong))}."
        )
