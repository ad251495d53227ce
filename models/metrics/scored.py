"""Rows with a label and the score that was given before the label was seen."""

import numpy as np


class Scored:
    """Aligned arrays of one batch.

    Args:
        labels: (n,) 0 or 1, or a rate between.
        scores: (n,) predicted probabilities, in [0, 1].
        weights: (n,) not negative; ones where missing.
        groups: (n,) integers, such as users' keys; needed by GAUC alone.

    Raises:
        ValueError: lengths differ, or a value is out of range.
    """

    __slots__ = ("groups", "labels", "scores", "weights")

    def __init__(
        self,
        labels: np.ndarray,
        scores: np.ndarray,
        weights: np.ndarray | None = None,
        groups: np.ndarray | None = None,
    ) -> None:
        self.labels = _vector("labels", labels, len(labels), 1.0)
        n = len(self.labels)
        self.scores = _vector("scores", scores, n, 1.0)
        self.weights = np.ones(n) if weights is None else _vector("weights", weights, n, np.inf)
        self.groups = groups
        if groups is not None and groups.shape != (n,):
            raise ValueError(_wrong_shape("groups", groups.shape, n))


def _vector(name: str, values: np.ndarray, n: int, upper: float) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.shape != (n,):
        raise ValueError(_wrong_shape(name, values.shape, n))
    wrong = ~((values >= 0.0) & (values <= upper))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"`{name}` must be in [0, {upper:g}]. Received: {values[row]} at row {row}."
        )
    return values


def _wrong_shape(name: str, shape: tuple[int, ...], n: int) -> str:
    return f"`{name}` must have one value for each of the {n} rows. Received: shape {shape}."
