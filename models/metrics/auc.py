"""The area under the ROC curve: the chance that a positive scores above a negative."""

import numpy as np

from models.metrics.additive import EPSILON, AdditiveMetric, ratio
from models.metrics.scored import Scored

_LIMIT = 16.0


class Auc(AdditiveMetric):
    """AUC from two histograms of the logit, one of positives and one of negatives.

    Bins are equally wide in the logit over [-16, 16], so that rare and frequent events are told
    apart alike. A pair within a bin counts one half, as a tie does: the result is at most
    `uncertainty()` away from the exact value, whatever the scores are. The memory is 16 bytes per
    bin, for any number of rows.

    A label between 0 and 1 counts in part on either side.

    Args:
        bins: of each histogram.
    """

    def __init__(self, bins: int = 8192) -> None:
        super().__init__(2 * bins)
        self.bins = bins

    def terms(self, rows: Scored) -> np.ndarray:
        p = np.clip(rows.scores, EPSILON, 1.0 - EPSILON)
        logit = np.log(p) - np.log1p(-p)
        bin_ = ((logit + _LIMIT) * (self.bins / (2.0 * _LIMIT))).astype(np.int64)
        bin_ = np.clip(bin_, 0, self.bins - 1)
        positives = np.bincount(bin_, rows.weights * rows.labels, self.bins)
        negatives = np.bincount(bin_, rows.weights * (1.0 - rows.labels), self.bins)
        return np.concatenate([positives, negatives])

    def value(self, sums: np.ndarray) -> float:
        positives, negatives = sums.reshape(2, self.bins)
        below = np.cumsum(negatives) - 0.5 * negatives
        return ratio(float(positives @ below), positives.sum() * negatives.sum())

    def uncertainty(self) -> float:
        """Half of the share of pairs that fell into one bin."""
        positives, negatives = self._sums.reshape(2, self.bins)
        return ratio(0.5 * float(positives @ negatives), positives.sum() * negatives.sum())


def grouped_auc(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The exact AUC of each group, ties counting one half.

    Args:
        labels, scores, weights, groups: (n,) aligned; labels in [0, 1].

    Returns:
        For each group in ascending order: AUC, NaN where only one class is there, and its weight.
    """
    order = np.lexsort((scores, groups))
    groups, scores = groups[order], scores[order]
    positive = (weights * labels)[order]
    negative = (weights * (1.0 - labels))[order]
    group_start = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    tie_start = np.flatnonzero(
        np.r_[True, (groups[1:] != groups[:-1]) | (scores[1:] != scores[:-1])]
    )
    # Ties become one point each, and points become groups.
    p, n = np.add.reduceat(positive, tie_start), np.add.reduceat(negative, tie_start)
    point_start = np.searchsorted(tie_start, group_start)
    sizes = np.diff(np.r_[point_start, len(tie_start)])
    before = np.cumsum(n) - n
    below = before - np.repeat(before[point_start], sizes) + 0.5 * n
    won = np.add.reduceat(p * below, point_start)
    all_p, all_n = np.add.reduceat(p, point_start), np.add.reduceat(n, point_start)
    with np.errstate(divide="ignore", invalid="ignore"):
        return won / (all_p * all_n), all_p + all_n
