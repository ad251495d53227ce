"""Vectors on the unit sphere."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class L2Normalise(keras.layers.Layer):
    """x / sqrt(max(sum x^2, epsilon)): length 1, and zeros stay zeros.

    Input and output: (..., width).
    """

    epsilon = 1e-12

    def call(self, x: Any) -> Any:
        return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), -1, keepdims=True), self.epsilon))
