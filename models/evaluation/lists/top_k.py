"""The k best of each row, exactly, with a rule for equal scores."""

import numpy as np

NONE = -1


def top_k(scores: np.ndarray, k: int, tie_order: np.ndarray) -> np.ndarray:
    """Columns of the k highest scores of each row, best first.

    Args:
        scores: (rows, columns); -inf is never listed.
        k: at least 1.
        tie_order: (columns,) or (rows, columns): among equal scores the lowest comes first.

    Returns:
        (rows, k) int64; `NONE` where a row has no more.

    >>> top_k(np.array([[0.5, 2.0, -np.inf, 0.5]]), 3, np.array([1, 0, 2, 0])).tolist()
    [[1, 3, 0]]
    """
    rows, columns = scores.shape
    orders = np.broadcast_to(tie_order, scores.shape)
    wide = min(k, columns)
    found = np.argpartition(scores, columns - wide, axis=1)[:, columns - wide :]
    values = np.take_along_axis(scores, found, axis=1)
    least = values.min(axis=1, keepdims=True)
    more = np.count_nonzero(scores == least, axis=1) > np.count_nonzero(values == least, axis=1)
    for row in np.flatnonzero(more):  # equal scores on both sides of the edge
        above = np.flatnonzero(scores[row] > least[row])
        equal = np.flatnonzero(scores[row] == least[row])
        equal = equal[np.argsort(orders[row, equal], kind="stable")]
        found[row] = np.r_[above, equal][:wide]
    values = np.take_along_axis(scores, found, axis=1)
    best = np.lexsort((np.take_along_axis(orders, found, axis=1), -values), axis=1)
    found = np.take_along_axis(found, best, axis=1)
    listed = np.isfinite(np.take_along_axis(scores, found, axis=1))
    out = np.full((rows, k), NONE, np.int64)
    out[:, :wide] = np.where(listed, found, NONE)
    return out


def best_rank(scores: np.ndarray, relevant: np.ndarray, tie_order: np.ndarray) -> np.ndarray:
    """Rank, from 1, of the highest relevant column of each row.

    Args:
        scores: (rows, columns), -inf for what is not ranked.
        relevant: (rows, columns) bool.
        tie_order: as in `top_k`.

    Returns:
        (rows,) float64; inf where no relevant column is ranked.
    """
    rows = np.arange(len(scores))[:, None]
    orders = np.broadcast_to(tie_order, scores.shape)
    best = np.where(relevant, scores, -np.inf).max(axis=1, keepdims=True)
    tied = relevant & (scores == best)
    first = np.where(tied, orders, np.iinfo(np.int64).max).argmin(axis=1)[:, None]
    before = (scores > best) | ((scores == best) & (orders < orders[rows, first]))
    return np.where(np.isfinite(best[:, 0]), 1.0 + np.count_nonzero(before, axis=1), np.inf)
