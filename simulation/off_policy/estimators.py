"""Estimates of a policy's mean reward from the decisions of another one.

With w = target probability / propensity, reward r, and the model's rewards q (of the logged
action) and v (of the target's actions), all means over decisions:

    IPS        mean(w r)                              Horvitz and Thompson 1952
    SNIPS      sum(w r) / sum(w)                      Swaminathan and Joachims 2015, eq. 8
    DM         mean(v)                                Dudik et al. 2011, section 2
    DR         mean(v + w (r - q))                    Dudik et al. 2011, eq. 1
    Switch-DR  mean(v + w 1{w <= t} (r - q))          Wang et al. 2017, eq. 8, with DR for IPS

References:
    Dudik, Langford, Li, 2011, https://arxiv.org/abs/1103.4601
    Swaminathan, Joachims, 2015, "The self-normalized estimator for counterfactual learning"
    Wang, Agarwal, Dudik, 2017, https://arxiv.org/abs/1612.01205
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulation.off_policy.decisions import Decisions, TargetPolicy
from simulation.off_policy.reward_model import fitted

LOGGED, IPS, SNIPS, DM, DR, SWITCH_DR = "logged", "IPS", "SNIPS", "DM", "DR", "Switch-DR"
# The reward model of a group is fitted to the groups of the other folds.
_FOLDS = 3
_THRESHOLDS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)


@dataclass(frozen=True)
class Terms:
    """Terms of the estimates; (decisions,) float64 each.

    Args:
        predicted, value: q and v of a model of the other folds, which DR asks for.
        direct: v of the model of all decisions, which is DM's own.
    """

    reward: np.ndarray
    weight: np.ndarray
    predicted: np.ndarray
    value: np.ndarray
    direct: np.ndarray


def estimates(
    decisions: Decisions, target: TargetPolicy, counts: np.ndarray | None = None
) -> dict[str, float]:
    """Mean reward of the logging policy (`logged`), and that of `target` by estimator.

    Args:
        counts: (decisions,) how often each decision counts; once where it is not given.

    Raises:
        ValueError: there are no decisions.
    """
    number = np.ones(len(decisions)) if counts is None else np.asarray(counts, np.float64)
    if not number.sum() > 0.0:
        raise ValueError(f"Expected at least one decision. Received: {len(decisions)}.")
    return {
        name: float(number @ top / max(number @ below, np.finfo(np.float64).tiny))
        for name, (top, below) in _ratios(terms(decisions, target, number), number).items()
    }


def terms(decisions: Decisions, target: TargetPolicy, counts: np.ndarray) -> Terms:
    """Terms of weighted decisions."""
    places, actions = decisions.places, decisions.actions
    predicted, value = np.empty(len(decisions)), np.empty(len(decisions))
    fold = decisions.group_numbers % _FOLDS
    for number in range(_FOLDS):
        own = fold == number
        model = fitted(decisions, np.where(own, 0.0, counts))
        predicted[own] = model.of(places[own], actions[own])
        value[own] = (model.rates[places] * target.expected(places, model.factors))[own]
    weight = target.probability(places, actions) / decisions.propensities
    model = fitted(decisions, counts)
    direct = model.rates[places] * target.expected(places, model.factors)
    return Terms(decisions.rewards, weight, predicted, value, direct)


def _ratios(of: Terms, counts: np.ndarray) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
    """Numerator and denominator of each estimate, by decision."""
    one, residual = np.ones(len(of.reward)), of.weight * (of.reward - of.predicted)
    kept = of.weight <= switch_threshold(of, counts)
    return {
        LOGGED: (of.reward, one),
        IPS: (of.weight * of.reward, one),
        SNIPS: (of.weight * of.reward, of.weight),
        DM: (of.direct, one),
        DR: (of.value + residual, one),
        SWITCH_DR: (of.value + residual * kept, one),
    }


def switch_threshold(of: Terms, counts: np.ndarray) -> float:
    """The weight beyond which Switch-DR trusts the model alone.

    The candidate with the least estimated squared error: variance of the estimate, and the square
    of its bias, which is the mean of what was left out; of that square its noise is taken away.

    Reference: Wang et al. 2017, section 4, with the bias estimated from the residuals as in Su et
    al., 2020, https://arxiv.org/abs/1907.09623, section 5.
    """
    residual = of.weight * (of.reward - of.predicted)
    risks = {}
    for threshold in np.unique(np.quantile(of.weight, _THRESHOLDS)):
        kept = of.weight <= threshold
        _, variance = _moments(of.value + residual * kept, counts)
        bias, noise = _moments(residual * ~kept, counts)
        risks[float(threshold)] = variance + max(bias**2 - noise, 0.0)
    return min(risks, key=lambda threshold: risks[threshold])


def _moments(values: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Weighted mean, and the variance of that mean."""
    total = counts.sum()
    mean = counts @ values / total
    return float(mean), float(counts @ (values - mean) ** 2 / total**2)
