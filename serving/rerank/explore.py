"""Exploration: places given to chance, with the probability of what was done.

A policy fills the list from the top. At each place it draws from the candidates that are left, and
what it logs is the probability of its draw given the places above: the propensity that
inverse-propensity estimators divide by. The product over the places is the probability of the list.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Draw:
    """A list that a policy drew.

    Args:
        order: positions among the candidates, shape (k,), int64.
        propensity: of each place given the places above it, shape (k,), float64, above 0.
    """

    order: np.ndarray
    propensity: np.ndarray


def epsilon_greedy(ranked: np.ndarray, k: int, epsilon: float, rng: np.random.Generator) -> Draw:
    """Now and then a place goes to any candidate that is left, else to the best one.

    The first places are worth most, so chance gets more of the later ones: place j of k, from 1, by
    probability 1 - (1 - epsilon)^(2 j / (k + 1)). Each place may go to each candidate all the same.

    Args:
        ranked: candidates, best first; whatever is worth a place by chance.
        k: how many places.
        epsilon: the share of places that go to chance, nearly: 0 none (the ranking itself), 1 all.

    Raises:
        ValueError: `epsilon` is outside [0, 1].

    >>> epsilon_greedy(np.array([4, 7, 9]), 2, 0.0, np.random.default_rng(1))
    Draw(order=array([4, 7]), propensity=array([1., 1.]))
    """
    if not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"`epsilon` must be between 0 and 1. Received: {epsilon!r}.")
    left = ranked.tolist()
    order, propensity = [], []
    places = min(k, len(left))
    chances = 1.0 - (1.0 - epsilon) ** (2.0 * np.arange(1, places + 1) / (places + 1))
    for drawn, chance in zip(rng.random(places), chances.tolist(), strict=True):
        pick = int(rng.integers(len(left))) if drawn < chance else 0
        propensity.append(chance / len(left) + (1.0 - chance if pick == 0 else 0.0))
        order.append(left.pop(pick))
    return Draw(np.asarray(order, dtype=np.int64), np.asarray(propensity))


def softmax(scores: np.ndarray, k: int, temperature: float, rng: np.random.Generator) -> Draw:
    """Places drawn without replacement by softmax(scores / temperature): Plackett-Luce.

    Adding Gumbel noise and sorting draws the whole list at once.

    Args:
        scores: shape (n,).
        k: how many places.
        temperature: towards 0 is the ranking itself.

    Raises:
        ValueError: `temperature` is not above 0.
    """
    if temperature <= 0.0:
        raise ValueError(f"`temperature` must be above 0. Received: {temperature!r}.")
    logits = np.asarray(scores, dtype=np.float64) / temperature
    order = np.argsort(-(logits + rng.gumbel(size=len(logits))), kind="stable")
    sorted_logits = logits[order]
    left = np.logaddexp.accumulate(sorted_logits[::-1])[::-1]  # log sum exp of what is left
    propensity = np.exp(np.minimum(sorted_logits - left, 0.0))
    return Draw(order[:k].astype(np.int64), np.maximum(propensity[:k], np.finfo(np.float64).tiny))
