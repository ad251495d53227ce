"""Dice, an activation that follows the distribution of its input.

Reference: Zhou et al., KDD 2018, https://arxiv.org/abs/1706.06978, section 5.3.
"""

from typing import Any

import keras
from keras import ops

from models.layers.moments import merged, move


@keras.saving.register_keras_serializable("millstream")
class Dice(keras.layers.Layer):
    """f(s) = p s + (1 - p) alpha s, p = sigmoid((s - E[s]) / sqrt(Var[s] + epsilon)).

    In training, mean and variance are the batch's; afterwards they are moving ones: of all batches
    alike at first, then of about the last 1 / (1 - momentum). A batch with a number that is not
    finite does not move them. alpha is learnt for each unit.

    Args:
        epsilon: added to the variance.
        momentum: what stays of the moving mean and variance, a batch.

    Input: s (..., units), and optionally which entries count, (...) of 0 and 1: padding has no part
    in mean and variance; output: (..., units).
    """

    differs_in_training = True

    def __init__(self, epsilon: float = 1e-8, momentum: float = 0.99, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.momentum = momentum

    def build(self, s_shape: tuple[Any, ...], counts_shape: tuple[Any, ...] | None = None) -> None:
        def moving(name: str, shape: tuple[Any, ...], first: str) -> Any:
            return self.add_weight(shape=shape, initializer=first, trainable=False, name=name)

        self.alpha = self.add_weight(shape=s_shape[-1:], initializer="zeros", name="alpha")
        self.batches = moving("batches", (), "zeros")
        self.mean = moving("mean", s_shape[-1:], "zeros")
        self.variance = moving("variance", s_shape[-1:], "ones")

    def call(self, s: Any, counts: Any = None, training: bool | None = None) -> Any:
        mean, variance = self.mean.value, self.variance.value
        if training:
            mean, variance = self._seen(s, counts)
        p = ops.sigmoid((s - mean) * ops.rsqrt(variance + self.epsilon))
        return (self.alpha + (1.0 - self.alpha) * p) * s

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon, "momentum": self.momentum}

    def _seen(self, s: Any, counts: Any) -> tuple[Any, Any]:
        """Mean and variance of the batch; the moving ones follow them."""
        counts = ops.ones_like(s[..., 0]) if counts is None else ops.cast(counts, s.dtype)
        total = ops.sum(counts)
        weights = ops.reshape(counts, (1, -1)) / ops.maximum(total, 1.0)
        s = ops.reshape(s, (-1, s.shape[-1]))
        mean = ops.matmul(weights, s)[0]
        variance = ops.matmul(weights, ops.square(s - mean))[0]

        batches = self.batches + ops.cast(total > 0, s.dtype)
        share = ops.maximum(1.0 - self.momentum, 1.0 / ops.maximum(batches, 1.0))
        share = ops.where(total > 0, share, ops.zeros_like(share))
        old = ops.where(self.batches > 0, self.variance.value, ops.zeros_like(self.variance.value))
        old = ops.where(total > 0, old, self.variance.value)
        moved = merged(self.mean.value, old, mean, variance, share)
        move([(self.batches, batches), (self.mean, moved[0]), (self.variance, moved[1])])
        return mean, variance
