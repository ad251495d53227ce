"""Determinantal point process: the most probable diverse list, by fast greedy search.

    L = Diag(q) S Diag(q),  q = exp(alpha * relevance),  alpha = theta / (2 (1 - theta))

Each place goes to the candidate with the greatest det(L) of the chosen so far plus itself. As
log det(L_Y) = 2 alpha sum_Y relevance + log det(S_Y), the search runs on the similarities S alone
and q is never computed: no theta overflows. With V the Cholesky factor of S over the chosen and
V c_i = S[chosen, i], the volume that i adds is d_i^2 = S_ii - |c_i|^2; when j joins,

    e_i = (S_ji - <c_j, c_i>) / d_j,   c_i <- [c_i, e_i],   d_i^2 <- d_i^2 - e_i^2

A window looks only at the last `window - 1` places. When the oldest leaves, Givens rotations of the
columns of c restore the triangle; what they gather in the first column is given back to d^2.

Reference: Chen, Zhang and Zhou, NeurIPS 2018, https://arxiv.org/abs/1709.05135, algorithms 1 and 2.
"""

from collections.abc import Callable

import numpy as np

from serving.rerank.deadline import never
from serving.similarity.scaling import min_max, unit_rows

_EPSILON = 1e-9  # a volume below this is rounding: the vector lies in the span of the chosen


def dpp(
    relevance: np.ndarray,
    vectors: np.ndarray,
    k: int,
    theta: float = 0.7,
    window: int | None = None,
    is_over: Callable[[], bool] = never,
) -> np.ndarray:
    """Which candidates to show, in order; fewer than k when the rest adds no volume.

    Args:
        relevance: shape (n,), any scale, greater is better; it is scaled to [0, 1].
        vectors: shape (n, dim), any length; S is their cosine.
        k: how many places.
        theta: 0 is variety alone, towards 1 is relevance alone.
        window: a place differs from the `window - 1` places before it; None is all of them.
        is_over: asked before each place; once it is true the search ends.

    Returns:
        Positions in `relevance`, shape (at most min(k, n),), int64.

    Raises:
        ValueError: `theta` is outside [0, 1), or `window` is below 2.

    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> dpp(np.array([3.0, 2.9, 1.0]), vectors, k=2)  # 1 is a copy of 0
    array([0, 2])
    """
    if window is not None and window < 2:
        raise ValueError(f"`window` must be at least 2 places. Received: {window!r}.")
    quality = log_quality(relevance, theta)
    places = min(k, len(quality))
    search = _Volumes(unit_rows(vectors), places if window is None else min(window - 1, places))
    free = np.ones(len(quality), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < places and not is_over():
        gain = np.full(len(quality), -np.inf)
        np.log(search.added, out=gain, where=free & (search.added > _EPSILON))
        gain += 2.0 * quality
        best = int(np.argmax(gain))
        if gain[best] == -np.inf:
            break
        chosen.append(best)
        free[best] = False
        search.join(best)
    return np.asarray(chosen, dtype=np.int64)


def log_quality(relevance: np.ndarray, theta: float) -> np.ndarray:
    """Log q: alpha * relevance, with relevance scaled to [0, 1]; shape (n,).

    Raises:
        ValueError: `theta` is outside [0, 1).
    """
    if not 0.0 <= theta < 1.0:
        raise ValueError(f"`theta` must be at least 0 and below 1. Received: {theta!r}.")
    return theta / (2.0 * (1.0 - theta)) * min_max(relevance, 0.0, 1.0)


class _Volumes:
    """How much volume each candidate adds to the window: `added` is d^2, shape (n,)."""

    def __init__(self, unit: np.ndarray, window: int) -> None:
        self._unit = unit
        self._columns = np.zeros((window, len(unit)))  # c transposed: a row per place
        self._members: list[int] = []
        self.added = np.einsum("ij,ij->i", unit, unit)

    def join(self, member: int) -> None:
        """Let `member` join; the oldest leaves a full window first."""
        if len(self._members) == len(self._columns):
            self._leave()
        known = self._columns[: len(self._members)]
        rest = self._unit @ self._unit[member] - known[:, member] @ known
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
