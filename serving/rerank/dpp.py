"""Determinantal point process: the most probable diverse list, by fast greedy search.

    L = Diag(q) S Diag(q),  q^2 = odds,  S_ij = strength * cosine(i, j),  S_ii = 1

Each place goes to the candidate with the greatest det(L) of the chosen so far plus itself. As
log det(L_Y) = sum_Y log-odds + log det(S_Y), the search runs on the similarities S alone
and q is never computed: nothing overflows. With V the Cholesky factor of S over the chosen and
V c_i = S[chosen, i], the volume that i adds is d_i^2 = S_ii - |c_i|^2; when j joins,

    e_i = (S_ji - <c_j, c_i>) / d_j,   c_i <- [c_i, e_i],   d_i^2 <- d_i^2 - e_i^2

A window looks only at the last `window - 1` places. When the oldest leaves, Givens rotations of the
columns of c restore the triangle; what they gather in the first column is given back to d^2.

Reference: Chen, Zhang and Zhou, NeurIPS 2018, https://arxiv.org/abs/1709.05135, algorithms 1 and 2.
"""

from collections.abc import Callable

import numpy as np

from serving.rerank.deadline import never
from serving.rerank.strength import checked
from serving.similarity.scaling import unit_rows

_EPSILON = 1e-9  # a volume below this is rounding: the vector lies in the span of the chosen


def dpp(
    log_odds: np.ndarray,
    vectors: np.ndarray,
    k: int,
    strength: float = 0.5,
    window: int | None = None,
    is_over: Callable[[], bool] = never,
) -> np.ndarray:
    """Which candidates to show, in order; fewer than k when the rest adds no volume.

    Args:
        log_odds: shape (n,), of being wanted; a constant added to all changes nothing.
        vectors: shape (n, dim), any length.
        k: how many places.
        strength: 0 is relevance alone, at 1 a copy is worth nothing.
        window: a place differs from the `window - 1` places before it; None is all of them.
        is_over: asked before each place; once it is true the search ends.

    Returns:
        Positions in `log_odds`, shape (at most min(k, n),), int64.

    Raises:
        ValueError: `strength` is outside [0, 1], or `window` is below 2.

    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> dpp(np.array([3.0, 2.9, 2.7]), vectors, k=2)  # 1 is a copy of 0
    array([0, 2])
    """
    if window is not None and window < 2:
        raise ValueError(f"`window` must be at least 2 places. Received: {window!r}.")
    places = min(k, len(log_odds))
    looked_at = places if window is None else min(window - 1, places)
    search = _Volumes(unit_rows(vectors), checked(strength), looked_at)
    free = np.ones(len(log_odds), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < places and not is_over():
        gain = np.full(len(log_odds), -np.inf)
        np.log(search.added, out=gain, where=free & (search.added > _EPSILON))
        gain += log_odds
        best = int(np.argmax(gain))
        if gain[best] == -np.inf:
            break
        chosen.append(best)
        free[best] = False
        search.join(best)
    return np.asarray(chosen, dtype=np.int64)


class _Volumes:
    """How much volume each candidate adds to the window: `added` is d^2, shape (n,)."""

    def __init__(self, unit: np.ndarray, strength: float, window: int) -> None:
        self._unit = unit
        self._weighed = strength * unit
        self._columns = np.zeros((window, len(unit)))  # c transposed: a row per place
        self._members: list[int] = []
        self.added = np.ones(len(unit))

    def join(self, member: int) -> None:
        """Let `member` join; the oldest leaves a full window first."""
        if len(self._members) == len(self._columns):
            self._leave()
        known = self._columns[: len(self._members)]
        alike = self._weighed @ self._unit[member]
        alike[member] = 1.0
        rest = alike - known[:, member] @ known
        column = self._columns[len(self._members)]
        column[:] = rest / np.sqrt(self.added[member])
        self.added -= np.square(column)
        self._members.append(member)

    def _leave(self) -> None:
        oldest = self._columns[0].copy()
        self._members.pop(0)
        for place, member in enumerate(self._members, start=1):
            column = self._columns[place]
            length = np.hypot(oldest[member], column[member])
            cosine, sine = column[member] / length, oldest[member] / length
            self._columns[place - 1] = cosine * column + sine * oldest
            oldest = cosine * oldest - sine * column
        self.added += np.square(oldest)
