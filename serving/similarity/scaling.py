"""Linear rescaling of scores, so that they can be weighed against similarities."""

import numpy as np


def min_max(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """`values` mapped linearly so that the least is `low` and the greatest `high`, float64.

    Values that are all the same become `high`: there is nothing to tell them apart by.

    >>> min_max(np.array([1.0, 3.0, 2.0]), -1.0, 1.0)
    array([-1.,  1.,  0.])
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        return values
    least, span = values.min(), np.ptp(values)
    if span <= 0.0:
        return np.full_like(values, high)
    return low + (values - least) * ((high - low) / span)


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Each row divided by its length, float64; a row of zeros stays one (it is like nothing)."""
    vectors = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
