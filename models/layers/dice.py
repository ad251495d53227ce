"""Dice, an activation that follows the distribution of its input.

Reference: Zhou et al., KDD 2018, https://arxiv.org/abs/1706.06978, eq. 6.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class Dice(keras.layers.Layer):
    """f(s) = p s + (1 - p) alpha s, p = sigmoid((s - E[s]) / sqrt(Var[s] + epsilon)).

    Mean and variance are the batch's in training and moving averages afterwards; alpha is learnt
    for each unit. Over lists they are taken over every entry, padding included.

    Input and output: (..., units).
    """

    def __init__(self, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.alpha = self.add_weight(shape=shape[-1:], initializer="zeros", name="alpha")
        self.standardised = keras.layers.BatchNormalization(
            epsilon=self.epsilon, center=False, scale=False, name="standardised"
        )
        self.standardised.build(shape)

    def call(self, s: Any, training: bool | None = None) -> Any:
        p = ops.sigmoid(self.standardised(s, training=training))
        return p * s + (1.0 - p) * self.alpha * s

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}
