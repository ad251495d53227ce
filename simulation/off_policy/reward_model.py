"""Expected reward of an action at a place: the rate of the place times a factor of the action.

The factor is drawn towards 1 as far as chance explains what an action earned (empirical Bayes,
the best linear predictor): where actions do not differ by more than chance, all factors are 1.

Reference: Robbins, 1956, "An empirical Bayes approach to statistics"; Morris, 1983, "Parametric
empirical Bayes inference", https://doi.org/10.1080/01621459.1983.10477920, section 1 (with
unequal variances).
"""

from dataclasses import dataclass

import numpy as np

from simulation.off_policy.decisions import Decisions

# Decisions that the rate of all places lends to each single one.
_PLACE_PRIOR = 500.0
# Rewards of actions differ about as much as their mean: the long tail of most catalogues.
_PRIOR_VARIANCE, _PRIOR_SPREAD = 1.0, 0.5
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class RewardModel:
    """Expected rewards.

    Args:
        rates: (places,) reward of a mean action.
        factors: (actions,) how many times that of a mean action an action earns.
    """

    rates: np.ndarray
    factors: np.ndarray

    def of(self, places: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """(decisions,) expected reward of each action at its place."""
        return np.asarray(self.rates[places] * self.factors[actions])


def fitted(of: Decisions, weights: np.ndarray) -> RewardModel:
    """The model of weighted decisions.

    Args:
        weights: (decisions,) how often each counts; those that were left out have 0. What a group
            tells twice is told once: the noise of an action is that of its groups.
    """
    places = int(of.places.max(initial=0)) + 1
    shown = np.bincount(of.places, weights, places)
    earned = np.bincount(of.places, weights * of.rewards, places)
    overall = earned.sum() / max(shown.sum(), 1.0)
    rates = (earned + _PLACE_PRIOR * overall) / (shown + _PLACE_PRIOR)
    own = rates[of.places]
    number, action = of.tries
    noise = np.bincount(number, weights * np.sqrt(own), len(action)) ** 2
    return RewardModel(
        rates,
        shrunken(
            gained=np.bincount(of.actions, weights * of.rewards, of.count),
            expected=np.bincount(of.actions, weights * own, of.count),
            noise=np.bincount(action, noise, of.count),
        ),
    )


def shrunken(gained: np.ndarray, expected: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """(actions,) factors: 1 + (gained / expected - 1) V / (V + noise / expected^2).

    >>> shrunken(np.array([0, 400.0]), np.full(2, 200.0), np.full(2, 200.0)).round(2)
    array([0.01, 1.99])

    Args:
        gained, expected: (actions,) rewards there were, and those of mean actions.
        noise: (actions,) variance of `gained` by chance; that of a count is the count expected.
    """
    variance = factor_variance(gained, expected, noise)
    gain = variance * expected / np.maximum(variance * expected**2 + noise, _TINY)
    return np.asarray(1.0 + gain * (gained - expected))


def factor_variance(gained: np.ndarray, expected: np.ndarray, noise: np.ndarray) -> float:
    """Variance V of the true factors, 0 or more.

    By moments it solves the sum over the actions of E[(gained - expected)^2] = noise + expected^2
    V. That is weighed against a prior by their precisions, as few rewards say little about V.
    """
    information = np.sum(expected**2)
    if not information > 0.0:
        return _PRIOR_VARIANCE
    moment = np.sum((gained - expected) ** 2 - noise) / information
    precision = information**2 / (2.0 * np.sum(noise**2))  # of the moment, where V is 0
    prior = 1.0 / _PRIOR_SPREAD**2
    return float(max((moment * precision + _PRIOR_VARIANCE * prior) / (precision + prior), 0.0))
