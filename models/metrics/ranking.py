"""Metrics of the order within each group: NDCG@k, MRR, recall@k and MAP@k.

Rows are ordered by score, highest first. Rows with one score may stand in any order, so each metric
is its expected value over all of their orders, exactly: no luck of sorting gets in. A group counts
once, whatever its size or the weights of its rows; one without a positive is left out. A list that
is shorter than k counts as it is.

Reference: McSherry & Najork, ECIR 2008, https://doi.org/10.1007/978-3-540-78646-7_38 (ties).
"""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from models.metrics.metric import State
from models.metrics.row_keeping import RowKeepingMetric

POSITIVE_FROM = 0.5


class Ranks(NamedTuple):
    """Rows in the order of their groups, and of their scores within; (n,) each.

    Args:
        gains: labels.
        rank: from 1 in each group.
        group: its number, from 0.
        tie_gain: mean label of the rows with this score.
        tie_size: rows with this score.
        tie_place: of the row among those, from 1.
        tie_positives: positives among those.
        positives_before: in higher scores of the group.
        positives: in the group.
    """

    gains: np.ndarray
    rank: np.ndarray
    group: np.ndarray
    tie_gain: np.ndarray
    tie_size: np.ndarray
    tie_place: np.ndarray
    tie_positives: np.ndarray
    positives_before: np.ndarray
    positives: np.ndarray

    def by_group(self, values: np.ndarray) -> np.ndarray:
        """Sums of `values`, one for each group."""
        return np.bincount(self.group, values)


def ranks(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> Ranks:
    """Rank of every row within its group, for (n,) aligned arrays, n > 0."""
    order = np.lexsort((-scores, groups))
    labels, scores, groups = labels[order], scores[order], groups[order]
    new_group = np.r_[True, groups[1:] != groups[:-1]]
    new_tie = new_group | np.r_[True, scores[1:] != scores[:-1]]
    group, tie = np.cumsum(new_group) - 1, np.cumsum(new_tie) - 1
    positive = (labels >= POSITIVE_FROM).astype(np.float64)
    group_start, tie_start = np.flatnonzero(new_group), np.flatnonzero(new_tie)
    before = np.cumsum(positive) - positive
    row = np.arange(len(labels))
    return Ranks(
        gains=labels,
        rank=row - group_start[group] + 1,
        group=group,
        tie_gain=(np.bincount(tie, labels) / np.bincount(tie))[tie],
        tie_size=np.bincount(tie)[tie],
        tie_place=row - tie_start[tie] + 1,
        tie_positives=np.bincount(tie, positive)[tie],
        positives_before=before[tie_start][tie] - before[group_start][group],
        positives=np.bincount(group, positive)[group],
    )


class Ranking(RowKeepingMetric):
    """The mean over groups with a positive."""

    @abstractmethod
    def of_groups(self, r: Ranks) -> np.ndarray:
        """The metric of each group; whatever it is where a group has no positive."""

    def value(self, rows: State) -> float:
        r = ranks(rows["labels"], rows["scores"], rows["groups"])
        has_positive = r.by_group(r.gains >= POSITIVE_FROM) > 0
        if not has_positive.any():
            return float("nan")
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(self.of_groups(r)[has_positive].mean())


class RankingAt(Ranking):
    """The same of the first `k` of each group.

    Args:
        k: at least 1.

    Raises:
        ValueError: `k` is below 1.
    """

    def __init__(self, k: int = 10) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"`k` must be at least 1. Received: {k}.")
        self.k = k


class Ndcg(RankingAt):
    """DCG / DCG of the best order; DCG = sum over ranks r <= k of y / log2(1 + r).

    Reference: Jarvelin & Kekalainen, TOIS 2002, https://doi.org/10.1145/582415.582418.
    """

    title = "NDCG"

    def of_groups(self, r: Ranks) -> np.ndarray:
        ideal = r.gains[np.lexsort((-r.gains, r.group))]
        discount = np.where(r.rank <= self.k, 1.0 / np.log2(1.0 + r.rank), 0.0)
        return r.by_group(r.tie_gain * discount) / r.by_group(ideal * discount)


class RecallAt(RankingAt):
    """Positives among the first k, over all positives of the group."""

    title = "recall"

    def of_groups(self, r: Ranks) -> np.ndarray:
        share = r.tie_positives / r.tie_size
        return r.by_group(np.where(r.rank <= self.k, share, 0.0) / r.positives)


class Map(RankingAt):
    """sum over positives at ranks r <= k of precision@r, over min(k, positives of the group)."""

    title = "MAP"

    def of_groups(self, r: Ranks) -> np.ndarray:
        # Given a positive at this place of a tie, the places before it hold the others evenly.
        others = (r.tie_positives - 1) / np.maximum(r.tie_size - 1, 1)
        precision = (r.positives_before + 1 + (r.tie_place - 1) * others) / r.rank
        share = r.tie_positives / r.tie_size
        counted = np.where(r.rank <= self.k, share * precision, 0.0)
        return r.by_group(counted / np.minimum(r.positives, self.k))


class Mrr(Ranking):
    """1 / rank of the first positive."""

    title = "MRR"

    def of_groups(self, r: Ranks) -> np.ndarray:
        m, p, j = r.tie_size, r.tie_positives, r.tie_place
        is_first = (r.positives_before == 0) & (p > 0) & (j <= m - p + 1)
        m, p, j = m[is_first], p[is_first], j[is_first]
        # The first of p positives in m places stands at j: C(m - j, p - 1) / C(m, p).
        chance = np.zeros(len(r.rank))
        chance[is_first] = np.exp(_log_choose(m - j, p - 1) - _log_choose(m, p))
        return r.by_group(chance / r.rank)


def _log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
