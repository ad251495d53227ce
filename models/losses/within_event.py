"""Losses within the rows of one event: its own item against the negatives that were drawn for it.

With logits s and v = s - log(oversampling), of the positive p and the negatives N of an event

    softmax    -log(exp(v_p) / (exp(v_p) + sum_{n in N} exp(v_n)))
    pairwise   mean_{n in N} log(1 + exp(v_n - v_p))

Both are least where s is the log of how likely the item comes next, up to a number of the event's
own, however few negatives there are and whatever they are drawn by.

References: Ma and Collins, EMNLP 2018, https://arxiv.org/abs/1809.01812, section 3 (ranking loss of
noise-contrastive estimation); Rendle et al., UAI 2009, https://arxiv.org/abs/1205.2618, eq. 4;
Bai et al., KDD 2023, https://arxiv.org/abs/2211.01494 (a pointwise loss beside it).
"""

from collections.abc import Callable
from typing import Any, Literal

from keras import ops

# Below every logit, and still finite in float32 arithmetic.
_OUT = -1e30

WithinEvent = Literal["softmax", "pairwise"]


def contrasted(labels: Any, groups: Any) -> Any:
    """(rows,) bool: whether the row's event has both a positive and a negative.

    Args:
        labels: (rows,) above 0.5 for a positive.
        groups: (rows,) numbers of the events, below the count of rows.
    """
    positive = ops.cast(labels > 0.5, "float32")
    return (_sums(positive, groups) > 0) & (_sums(1.0 - positive, groups) > 0)


def softmax(logits: Any, labels: Any, groups: Any) -> Any:
    """(rows,) loss at each positive that has negatives, 0 elsewhere.

    Args:
        logits: (rows,) corrected by the log of the oversampling.
        labels, groups: as of `contrasted`.
    """
    positive = labels > 0.5
    others = ops.where(positive, _OUT, logits)
    most = ops.stop_gradient(_largest(others, groups))
    shares = ops.where(positive, 0.0, ops.exp(ops.minimum(logits - most, 0.0)))
    against = most + ops.log(ops.maximum(_sums(shares, groups), 1e-30))
    counts = positive & contrasted(labels, groups)
    return ops.where(counts, ops.softplus(ops.where(counts, against - logits, 0.0)), 0.0)


def pairwise(logits: Any, labels: Any, groups: Any) -> Any:
    """(rows,) loss at each negative that has a positive, 0 elsewhere; see `softmax`."""
    positive = labels > 0.5
    best = _largest(ops.where(positive, logits, _OUT), groups)
    counts = ops.logical_not(positive) & contrasted(labels, groups)
    negatives = _sums(ops.cast(ops.logical_not(positive), "float32"), groups)
    losses = ops.softplus(ops.where(counts, logits - best, 0.0)) / ops.maximum(negatives, 1.0)
    return ops.where(counts, losses, 0.0)


LOSSES: dict[WithinEvent, Callable[[Any, Any, Any], Any]] = {
    "softmax": softmax,
    "pairwise": pairwise,
}


def _sums(values: Any, groups: Any) -> Any:
    """The sum of each row's event, (rows,)."""
    return ops.take(ops.segment_sum(values, groups, ops.shape(values)[0]), groups)


def _largest(values: Any, groups: Any) -> Any:
    """The greatest value of each row's event, (rows,)."""
    return ops.take(ops.segment_max(values, groups, ops.shape(values)[0]), groups)
