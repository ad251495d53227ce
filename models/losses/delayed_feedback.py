"""Losses on a stream in which late positives were first taken for negatives, and then corrected.

Where each item is a negative at once, and a positive comes beside it later, with probability p, the
share of positives in the stream is b = p / (1 + p), and of negatives 1 / (1 + p). Both losses are
least where the logit z is that of p itself, not of b:

    fnw    -y (1 + p) log p - (1 - y) (1 - p) (1 + p) log(1 - p), the weights held still: fake
           negatives weighted by p(y) / b(y)
    fnc    -y log b - (1 - y) log(1 - b), with b = p / (1 + p): fake negative calibration, its
           p = b / (1 - b) solved for b, so that p stays a probability

What is answered before it is taken for a negative makes no such pair: the shorter that wait is
beside the delays, the better the law above holds.

Reference: Ktena et al., RecSys 2019, https://arxiv.org/abs/1907.06558, sections 3.3 and 3.4.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from keras import ops

Delayed = Literal["none", "fnw", "fnc"]


def fnw(labels: Any, logits: Any) -> Any:
    """(rows,) losses; `labels` are 0 or 1, `logits` those of p."""
    p = ops.stop_gradient(ops.sigmoid(logits))
    positive, negative = ops.softplus(-logits), ops.softplus(logits)
    return (1.0 + p) * (labels * positive + (1.0 - labels) * (1.0 - p) * negative)


def fnc(labels: Any, logits: Any) -> Any:
    """(rows,) losses, as of `fnw`: the logit of b is log p."""
    of_b = -ops.softplus(-logits)
    return ops.softplus(of_b) - labels * of_b


LOSSES: Mapping[str, Callable[[Any, Any], Any]] = {"fnw": fnw, "fnc": fnc}
