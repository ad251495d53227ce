"""A number and two of its powers."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class Powers(keras.layers.Layer):
    """[x, x^2, sqrt(x)] of values that are not below 0, as inputs that no gradient goes back to.

    Input: (batch, width); output: (batch, 3 width).

    Reference: Covington, Adams & Sargin, RecSys 2016, https://doi.org/10.1145/2959100.2959190,
    section 4.1.
    """

    def call(self, x: Any) -> Any:
        # The slope of the root at 0 is infinite.
        x = ops.stop_gradient(x)
        return ops.concatenate([x, ops.square(x), ops.sqrt(x)], axis=-1)
