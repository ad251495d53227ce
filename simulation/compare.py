"""Two answerers on the same questions: the difference, and how sure it is (paired bootstrap).

Questions are drawn again with replacement, each with both its answers; the interval holds the
middle 95 % of the differences' means. What depends on one another (the questions of a user) is
drawn again together.

Reference: Efron and Tibshirani, 1993, "An Introduction to the Bootstrap", chapter 13.
"""

from typing import NamedTuple

import numpy as np

_CHUNK = 64


class Difference(NamedTuple):
    """Mean of `one - other`, with the ends of its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Return whether the interval leaves out 0."""
        return self.low > 0.0 or self.high < 0.0


def paired(
    one: np.ndarray, other: np.ndarray, groups: np.ndarray, seed: int = 0, draws: int = 1_000
) -> Difference:
    """The difference of two columns of the same questions.

    Args:
        one, other: (questions,) a gain each.
        groups: (questions,) what is drawn again together, such as the hour or the question itself.
        draws: resamples.

    Raises:
        ValueError: the columns are not of the same questions, or there are none.
    """
    if len(one) != len(other) or len(one) != len(groups) or not len(one):
        raise ValueError(
            f"Expected columns of the same questions. Received: {len(one)}, {len(other)} and "
            f"{len(groups)} rows."
        )
    _, place = np.unique(groups, return_inverse=True)
    sums = np.bincount(place, np.asarray(one, np.float64) - other)
    sizes = np.bincount(place).astype(np.float64)
    rng = np.random.default_rng(seed)
    means = np.concatenate(
        [
            _resampled(sums, sizes, min(_CHUNK, draws - done), rng)
            for done in range(0, draws, _CHUNK)
        ]
    )
    low, high = np.quantile(means, [0.025, 0.975])
    return Difference(float(sums.sum() / sizes.sum()), float(low), float(high))


def _resampled(
    sums: np.ndarray, sizes: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    drawn = rng.integers(len(sums), size=(draws, len(sums)))
    return sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
