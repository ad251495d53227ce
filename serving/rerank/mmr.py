"""Maximal marginal relevance: each place goes to what is relevant and unlike the places before.

    next = argmax_i  odds_i * (1 - strength * max_{j chosen} cosine(i, j))

A copy of what is shown loses the share `strength` of its odds, what is at right angles or opposite
nothing. Relevance is in log-odds, in which a difference means the same in every list; scaled
to the pool of candidates it would weigh more, the less the candidates differ. The maximum over the
chosen is kept up to date with one matrix-vector product a place, so the whole costs O(k n dim).

Reference: Carbonell and Goldstein, SIGIR 1998, https://doi.org/10.1145/290941.291025, with the
product of probabilistic coverage (Agrawal et al., WSDM 2009) in place of the weighted sum.
"""

from collections.abc import Callable

import numpy as np

from serving.rerank.deadline import never
from serving.rerank.strength import checked
from serving.similarity.scaling import unit_rows

_MOST = 1.0 - 1e-9  # of its odds that an item may lose: the order among copies stays


def mmr(
    log_odds: np.ndarray,
    vectors: np.ndarray,
    k: int,
    strength: float = 0.5,
    is_over: Callable[[], bool] = never,
) -> np.ndarray:
    """Which candidates to show, in order.

    Args:
        log_odds: shape (n,), of being wanted; a constant added to all changes nothing.
        vectors: shape (n, dim), any length.
        k: how many places; all n are ordered when k > n.
        strength: 0 is relevance alone, at 1 a copy is worth nothing.
        is_over: asked before each place; once it is true the search ends.

    Returns:
        Positions in `log_odds`, shape (min(k, n),), int64; fewer where time was over.

    Raises:
        ValueError: `strength` is outside [0, 1].

    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> mmr(np.array([3.0, 2.9, 2.5, 0.0]), vectors, k=2, strength=0.5)  # 1 is a copy of 0
    array([0, 2])
    """
    gain = np.array(log_odds, dtype=np.float64)
    unit = unit_rows(vectors)
    weighed = checked(strength) * unit
    places = min(k, len(gain))
    chosen = np.empty(places, dtype=np.int64)
    lost = np.zeros(len(gain))  # share of the odds, by the most similar of the chosen
    if places:
        chosen[0] = gain.argmax()
    for place in range(1, places):
        if is_over():
            return chosen[:place]
        last = chosen[place - 1]
        gain[last] = -np.inf
        np.maximum(lost, weighed @ unit[last], out=lost)
        chosen[place] = (gain + np.log1p(-np.minimum(lost, _MOST))).argmax()
    return chosen
