"""Maximal marginal relevance: each place goes to what is relevant and unlike the places before.

    next = argmax_i  balance * relevance_i - (1 - balance) * max_{j chosen} cosine(i, j)

Relevance is first scaled to [-1, 1], the range of the cosine, so that `balance` weighs like with
like. The maximum over the chosen is kept up to date with one matrix-vector product a place, so the
whole costs O(k n dim).

Reference: Carbonell and Goldstein, SIGIR 1998, https://doi.org/10.1145/290941.291025.
"""

from collections.abc import Callable

import numpy as np

from serving.rerank.deadline import never
from serving.similarity.scaling import min_max, unit_rows


def mmr(
    relevance: np.ndarray,
    vectors: np.ndarray,
    k: int,
    balance: float = 0.7,
    is_over: Callable[[], bool] = never,
) -> np.ndarray:
    """Which candidates to show, in order.

    Args:
        relevance: shape (n,), any scale, greater is better.
        vectors: shape (n, dim), any length.
        k: how many places; all n are ordered when k > n.
        balance: 1 is relevance alone, 0 is variety alone.
        is_over: asked before each place; once it is true the search ends.

    Returns:
        Positions in `relevance`, shape (min(k, n),), int64; fewer where time was over.

    Raises:
        ValueError: `balance` is outside [0, 1].

    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> mmr(np.array([3.0, 2.9, 2.5, 0.0]), vectors, k=2, balance=0.5)  # 1 is a copy of 0
    array([0, 2])
    """
    if not 0.0 <= balance <= 1.0:
        raise ValueError(f"`balance` must be between 0 and 1. Received: {balance!r}.")
    gain = balance * min_max(relevance, -1.0, 1.0)
    unit = unit_rows(vectors)
    weighed = (1.0 - balance) * unit
    places = min(k, len(gain))
    chosen = np.empty(places, dtype=np.int64)
    loss = np.full(len(gain), -np.inf)  # weighed cosine to the most similar of the chosen
    if places:
        chosen[0] = np.argmax(relevance)
    for place in range(1, places):
        if is_over():
            return chosen[:place]
        last = chosen[place - 1]
        gain[last] = -np.inf
        np.maximum(loss, weighed @ unit[last], out=loss)
        chosen[place] = (gain - loss).argmax()
    return chosen
