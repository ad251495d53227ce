"""Scores and vectors in units in which a difference means something."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

Scale = Literal["probability", "number", "count", "value"]

_LEAST_P = 1e-12
# A vector nearer to the centre than this share of its length is there up to rounding.
_AT_THE_CENTRE = 1e-5


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), shape (n,), float64; 0 and 1 become the nearest finite values.

    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    p = np.clip(np.asarray(probabilities, dtype=np.float64), _LEAST_P, 1.0 - _LEAST_P)
    return np.log(p) - np.log1p(-p)


def log_values(values: np.ndarray) -> np.ndarray:
    """Logarithms of values, shape (n,); where any is not above 0, standard deviations instead.

    >>> log_values(np.array([1.0, np.e])).tolist(), log_values(np.array([-2.0, 2.0])).tolist()
    ([0.0, 1.0], [-1.0, 1.0])
    """
    if (values > 0).all():
        return np.asarray(np.log(values))
    return np.asarray(values / (values.std() or 1.0))


# Scores by their scale, in units in which a difference means something.
LOG_ODDS: Mapping[Scale, Callable[[np.ndarray], np.ndarray]] = {
    "probability": log_odds,
    "number": np.asarray,
    "count": np.log1p,
    "value": log_values,
}


def centred(vectors: np.ndarray) -> np.ndarray:
    """Vectors less their mean, shape (n, dim), float64; a row of zeros is no vector and stays one.

    Vectors that a model has learnt may all lie in a narrow cone: their cosines are near 1 whatever
    they stand for. What tells them apart is where they lie from their centre.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1)
    is_there = lengths > 0.0
    moved = vectors - vectors.sum(axis=0) / max(np.count_nonzero(is_there), 1)
    is_there &= np.linalg.norm(moved, axis=1) > _AT_THE_CENTRE * lengths
    return np.where(is_there[:, None], moved, 0.0)


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Each row divided by its length, float64; a row of zeros stays one (it is like nothing)."""
    vectors = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
