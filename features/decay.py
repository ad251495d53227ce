"""Exponential decay, the same for every reader of a stored value."""

import numpy as np


def shares(ages_s: np.ndarray, half_life_s: float) -> np.ndarray:
    """Share of stored values that is left after (rows,) seconds, float32; at most all of it."""
    return np.exp2(-np.maximum(ages_s, 0.0) / half_life_s).astype(np.float32)
