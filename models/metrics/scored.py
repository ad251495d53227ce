"""Rows with a label and the score that was given before the label was seen."""

import numpy as np

_FINITE = float(np.finfo(np.float64).max)


class Scored:
    """Aligned arrays of one batch.

    Args:
        labels: (n,) 0 or 1, or a rate between.
        scores: (n,) predicted probabilities, in [0, 1].
        weights: (n,) not negative; ones where missing.
        groups: (n,) integers, such as users' keys; needed by GAUC alone.
        are_numbers: whether labels and scores are any finite numbers, as of a regression.

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
        *,
        are_numbers: bool = False,
    ) -> None:
        n, (least, most) = len(labels), ((-_FINITE, _FINITE) if are_numbers else (0.0, 1.0))
        self.labels = _vector("labels", labels, n, most, least)
        self.scores = _vector("scores", scores, n, most, least)
        self.weights = np.ones(n) if weights is None else _vector("weights", weights, n, np.inf)
        self.groups = groups
        if groups is not None and groups.shape != (n,):
            raise ValueError(_wrong_shape("groups", groups.shape, n))


def _vector(name: str, values: np.ndarray, n: int, upper: float, lower: float = 0.0) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.shape != (n,):
        raise ValueError(_wrong_shape(name, values.shape, n))
    wrong = ~((values >= lower) & (values <= upper))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"`{name}` must be in [{lower:g}, {upper:g}]. Received: {values[row]} at row {row}."
        )
    return values


def _wrong_shape(name: str, shape: tuple[int, ...], n: int) -> str:
    return f"`{name}` must have one value for each of the {n} rows. Received: shape {shape}."
