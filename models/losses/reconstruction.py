"""Losses of an autoencoder's logits: of whole rows of items, one for each user, (batch,)."""

from collections.abc import Callable
from typing import Any

from keras import ops


def multinomial(logits: Any, targets: Any, weights: Any) -> Any:
    """-sum_i x_i log softmax_i; `weights` count as x does.

    Reference: Liang et al., WWW 2018, https://arxiv.org/abs/1802.05814, eq. 2.
    """
    chances = logits - ops.logsumexp(logits, axis=1, keepdims=True)
    return -ops.sum(weights * targets * chances, axis=1)


def logistic(logits: Any, targets: Any, weights: Any) -> Any:
    """-sum_i w_i [x_i log sigmoid + (1 - x_i) log(1 - sigmoid)]."""
    losses = ops.softplus(logits) - targets * logits
    return ops.sum(weights * losses, axis=1)


def squared(logits: Any, targets: Any, weights: Any) -> Any:
    """sum_i w_i (x_i - y_i)^2, w the confidence, 1 + alpha r_i.

    Reference: Hu, Koren & Volinsky, ICDM 2008, https://doi.org/10.1109/ICDM.2008.22, eq. 3.
    """
    return ops.sum(weights * ops.square(targets - logits), axis=1)


LOSSES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "multinomial": multinomial,
    "logistic": logistic,
    "squared": squared,
}
