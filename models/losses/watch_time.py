"""Weights of rows by which the odds of a click become the time watched.

Reference: Covington, Adams & Sargin, RecSys 2016, https://doi.org/10.1145/2959100.2959190,
section 4.2.
"""

import numpy as np


def watch_time_weights(clicked: np.ndarray, watched: np.ndarray) -> np.ndarray:
    """Weights of impressions: the time watched of those clicked, 1 of the others.

    Args:
        clicked: (n,) the labels, 1 or 0.
        watched: (n,) in any unit of time, of which expected watch times will be, too.

    Returns:
        (n,) float32.

    >>> watch_time_weights(np.array([1, 0]), np.array([30.0, 0.0])).tolist()
    [30.0, 1.0]
    """
    return np.where(clicked > 0, watched, 1.0).astype(np.float32)
