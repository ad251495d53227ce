"""All pairs of fields pooled to one vector.

Reference: He & Chua, SIGIR 2017, https://arxiv.org/abs/1708.05027, eq. 3 and 4.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from models.layers.stacked import stacked


@keras.saving.register_keras_serializable("millstream")
class BiInteraction(keras.layers.Layer):
    """sum_{i<j} v_i * v_j = 1/2 [(sum_i v_i)^2 - sum_i v_i^2], element-wise, linear in the fields.

    Input: one (batch, width) vector per field, x_i already multiplied in; output: (batch, width).
    """

    def call(self, vectors: Sequence[Any]) -> Any:
        v = stacked(vectors)
        return 0.5 * (ops.square(ops.sum(v, axis=1)) - ops.sum(ops.square(v), axis=1))
