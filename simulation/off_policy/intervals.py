"""Bootstrap intervals of off-policy estimates: everything is estimated again on groups drawn again.

The reward model and the threshold of Switch-DR are fitted again as well, so that the interval of
the direct method holds what its model does not know.

Reference: Efron and Tibshirani, 1993, "An Introduction to the Bootstrap", chapter 13.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from simulation.off_policy.decisions import Decisions, TargetPolicy
from simulation.off_policy.estimators import estimates


class Estimate(NamedTuple):
    """Estimate of a mean reward, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def with_intervals(
    decisions: Decisions, target: TargetPolicy, draws: int = 200, seed: int = 0
) -> dict[str, Estimate]:
    """Estimates by name.

    Args:
        draws: resamples.

    Raises:
        ValueError: there are no decisions.
    """
    whole = estimates(decisions, target)
    again = resampled(decisions, target, draws, seed)
    found = {}
    for name, value in whole.items():
        low, high = np.quantile(again[name], [0.025, 0.975])
        found[name] = Estimate(value, float(low), float(high))
    return found


def resampled(
    decisions: Decisions, target: TargetPolicy, draws: int, seed: int = 0
) -> Mapping[str, np.ndarray]:
    """(draws,) estimates by name, each of groups drawn with replacement."""
    rng, number = np.random.default_rng(seed), decisions.group_numbers
    size = int(number.max()) + 1
    rows = [
        estimates(
            decisions, target, np.bincount(rng.integers(size, size=size), minlength=size)[number]
        )
        for _ in range(draws)
    ]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
