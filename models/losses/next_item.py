"""Losses of a state against the item that came next and against others that did not.

References: Kang & McAuley, ICDM 2018, https://arxiv.org/abs/1808.09781, eq. 7 (BCE); Petrov &
Macdonald, RecSys 2023, https://arxiv.org/abs/2308.07192, eq. 8 and 12 (gBCE); Hidasi & Karatzoglou,
CIKM 2018, https://arxiv.org/abs/1706.03847, eq. 3 to 7 (the others).
"""

from typing import Any

from keras import ops


def gbce(positive: Any, negatives: Any, beta: float = 1.0) -> Any:
    """-(beta log sigmoid(r_i) + sum_j log(1 - sigmoid(r_j))) / (negatives + 1).

    With beta = 1 it is binary cross-entropy. Negatives that are drawn make scores too great; beta
    below 1 puts that right (see `calibration`).

    Args:
        positive: (...) logits r_i of what came next.
        negatives: (..., negatives) logits r_j of others.

    Returns:
        (...) losses.
    """
    count = negatives.shape[-1]
    taught = beta * ops.softplus(-positive) + ops.sum(ops.softplus(negatives), axis=-1)
    return taught / (count + 1)


def calibration(negatives: int, items: int, t: float = 0.75) -> float:
    """The beta of gBCE: alpha (t (1 - 1 / alpha) + 1 / alpha), alpha = negatives / (items - 1).

    Args:
        negatives: drawn uniformly for each positive.
        items: of the corpus.
        t: from 0, plain cross-entropy, to 1, probabilities as they would be without sampling.

    >>> calibration(10, 101, t=0.0), round(calibration(10, 101, t=1.0), 6)
    (1.0, 0.1)
    """
    alpha = negatives / (items - 1)
    return alpha * (t * (1.0 - 1.0 / alpha) + 1.0 / alpha)


def softmax(positive: Any, negatives: Any) -> Any:
    """-log(exp(r_i) / (exp(r_i) + sum_j exp(r_j))); see `gbce`."""
    everything = ops.concatenate([positive[..., None], negatives], axis=-1)
    return ops.logsumexp(everything, axis=-1) - positive


def top1_max(positive: Any, negatives: Any) -> Any:
    """sum_j s_j (sigmoid(r_j - r_i) + sigmoid(r_j^2)), s the softmax of negatives; see `gbce`."""
    weights = ops.softmax(negatives, axis=-1)
    each = ops.sigmoid(negatives - positive[..., None]) + ops.sigmoid(ops.square(negatives))
    return ops.sum(weights * each, axis=-1)


def bpr_max(positive: Any, negatives: Any, penalty: float = 1.0) -> Any:
    """-log sum_j s_j sigmoid(r_i - r_j) + penalty sum_j s_j r_j^2; see `top1_max`."""
    weights = ops.softmax(negatives, axis=-1)
    won = ops.sum(weights * ops.sigmoid(positive[..., None] - negatives), axis=-1)
    return penalty * ops.sum(weights * ops.square(negatives), axis=-1) - ops.log(won + 1e-12)
