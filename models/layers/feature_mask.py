"""Rows whose fields are hidden at random, and what a network learns from them.

References: Zhu et al., DASFAA 2025, https://arxiv.org/abs/2501.15816 (masks, auxiliary loss);
Cranley & Patterson, SIAM J. Numer. Anal. 13(6), 1976 (rotation of fixed random numbers).
"""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class FeatureMask(keras.layers.Layer):
    """Copies of a row, in which each field's vector is zeros with a probability p ~ U[low, high).

    Each copy of each row draws a p of its own. Only training makes copies.

    The random numbers u of a batch are fixed and rotated from step to step, (u + step r) mod 1. The
    rotation is a weight that no gradient moves: a network that was saved goes on as if it had not
    been, which the state of a random generator would not allow.

    Args:
        copies: of each row.
        low, high: bounds of p.

    Input: (batch, fields, width); output: (batch, copies, fields x width), without copies
    (batch, 0, fields x width).
    """

    def __init__(self, copies: int = 2, low: float = 0.1, high: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.copies = copies
        self.low = low
        self.high = high

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.joined = (shape[-2] or 0) * (shape[-1] or 0)
        numbers = (self.copies, (shape[-2] or 0) + 1)
        self.turn = np.random.default_rng(0).random(numbers, np.float32)
        self.rotation = self.add_weight(
            shape=numbers, initializer="zeros", trainable=False, name="rotation"
        )

    def call(self, vectors: Any, training: bool | None = None) -> Any:
        rows = ops.shape(vectors)[0]
        if not training:
            return ops.zeros((rows, 0, self.joined), vectors.dtype)
        u = keras.random.uniform((rows, *self.rotation.shape), seed=1)
        u = ops.mod(u + self.rotation, 1.0)
        self.rotation.assign(ops.mod(self.rotation + self.turn, 1.0))
        p = self.low + (self.high - self.low) * u[..., :1]
        kept = ops.cast(u[..., 1:] >= p, vectors.dtype)
        return ops.reshape(vectors[:, None] * kept[..., None], (-1, self.copies, self.joined))

    def compute_output_spec(self, vectors: Any, training: bool | None = None) -> keras.KerasTensor:
        shape = (vectors.shape[0], None, vectors.shape[1] * vectors.shape[2])
        return keras.KerasTensor(shape, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        own = {"copies": self.copies, "low": self.low, "high": self.high}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("millstream")
class LearnFromCopies(keras.layers.Layer):
    """A row's logit z, by which its copies' logits a_j learn the row's label y as well.

    Training adds weight / copies sum_j BCE(a_j, sigmoid(z)) to the losses, without a gradient for
    z, and gives z + weight / copies sum_j (a_j - stop_gradient(a_j)), whose value is z. With a
    binary cross-entropy on that output, whose slope is sigmoid(z) - y, the slope at a_j is

        weight / copies [(sigmoid(a_j) - sigmoid(z)) + (sigmoid(z) - y)]
        = weight / copies [sigmoid(a_j) - y],

    that of BCE(a_j, y): a layer sees no labels, and the copies learn from them all the same. Where
    rows are weighted, the second summand has the row's weight and the first has not.

    Args:
        weight: of the copies' loss.

    Input: (batch, 1 + copies, 1), the row first; output: (batch, 1).
    """

    def __init__(self, weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight = weight

    def call(self, logits: Any, training: bool | None = None) -> Any:
        z = logits[:, 0]
        if not training:
            return z
        a = logits[:, 1:, 0]
        soft = ops.stop_gradient(ops.sigmoid(z))
        self.add_loss(self.weight * ops.mean(ops.softplus(a) - soft * a))
        learnt = self.weight * ops.mean(a, axis=1, keepdims=True)
        return z + (learnt - ops.stop_gradient(learnt))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight": self.weight}
