"""Losses on a stream in which late positives were first taken for negatives, and then corrected.

Where each item is a negative at once, and a positive comes beside it later, with probability p, the
share of positives in the stream is b = p / (1 + p), and of negatives 1 / (1 + p). Both losses are
least where the logit z is that of p itself, not of b:

    fnw    -y (1 + p) log p - (1 - y) (1 - p) (1 + p) log(1 - p), the weights held still: fake
           negatives weighted by p(y) / b(y)
    fnc    -y log b - (1 - y) log(1 - b), with b = p / (1 + p): fake negative calibration, its
           p = b / (1 - b) solved for b, so that p stays a probability

What is answered before it is taken for a negative makes no such pair: the shorter that wait is
beside the delays, the better the law above holds. Where an item waits a while first, and only a
share of its positives comes later still, with probability d (a delayed positive), the stream has
positives p / (1 + d), and negatives (1 - p + d) / (1 + d), of which r = (1 - p) / (1 - p + d) are
real:

    es_dfm    -y (1 + d) log p - (1 - y) (1 + d) r log(1 - p), the weights held still

`fnw` is that with d = p. Who has d and r: `online_trainer/learners/late_shares.py`.

References: Ktena et al., RecSys 2019, https://arxiv.org/abs/1907.06558, sections 3.3 and 3.4
(fnw, fnc); Yang et al., AAAI 2021, https://arxiv.org/abs/2012.03245, "Importance Weight of ES-DFM"
(es_dfm: elapsed-time sampling).
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from keras import ops

Delayed = Literal["none", "fnw", "fnc", "es_dfm"]


def fnw(labels: Any, logits: Any) -> Any:
    """(rows,) losses; `labels` are 0 or 1, `logits` those of p."""
    p = ops.stop_gradient(ops.sigmoid(logits))
    positive, negative = ops.softplus(-logits), ops.softplus(logits)
    return (1.0 + p) * (labels * positive + (1.0 - labels) * (1.0 - p) * negative)


def fnc(labels: Any, logits: Any) -> Any:
    """(rows,) losses, as of `fnw`: the logit of b is log p."""
    of_b = -ops.softplus(-logits)
    return ops.softplus(of_b) - labels * of_b


def es_dfm(labels: Any, logits: Any, late: Any, real: Any) -> Any:
    """(rows,) losses, as of `fnw`.

    Args:
        late: (rows,) d, the probability of a positive after the wait.
        real: (rows,) r, the share of negatives that stay negatives.
    """
    positive, negative = ops.softplus(-logits), ops.softplus(logits)
    weight = ops.stop_gradient(1.0 + late)
    return weight * (labels * positive + (1.0 - labels) * ops.stop_gradient(real) * negative)


# Of labels and logits alone.
LOSSES: Mapping[str, Callable[[Any, Any], Any]] = {"fnw": fnw, "fnc": fnc}
