"""The second-order term of a factorisation machine.

Reference: Rendle, ICDM 2010, https://doi.org/10.1109/ICDM.2010.127, lemma 3.1.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from models.layers.stacked import stacked


@keras.saving.register_keras_serializable("millstream")
class FactorisationMachine(keras.layers.Layer):
    """sum_{i<j} <v_i, v_j> = 1/2 sum_f [(sum_i v_if)^2 - sum_i v_if^2], linear in the fields.

    Input: one (batch, width) vector per field, x_i already multiplied in; output: (batch, 1).
    """

    def call(self, vectors: Sequence[Any]) -> Any:
        v = stacked(vectors)
        crossed = ops.square(ops.sum(v, axis=1)) - ops.sum(ops.square(v), axis=1)
        return 0.5 * ops.sum(crossed, axis=-1, keepdims=True)
