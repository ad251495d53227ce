"""The constant w_0 of a model, added to a sum or handed to an MLP."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class Bias(keras.layers.Layer):
    """x + b, where b is one number for each unit and begins at 0.

    Input and output: (batch, units).
    """

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.bias = self.add_weight(shape=shape[-1:], initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        return x + self.bias


@keras.saving.register_keras_serializable("millstream")
class Constant(keras.layers.Layer):
    """b in every row, one number that begins at 1; of the input only the rows count.

    Input: (batch, any width); output: (batch, 1).
    """

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.bias = self.add_weight(shape=(1,), initializer="ones", name="bias")

    def call(self, x: Any) -> Any:
        return ops.zeros_like(x[:, :1]) + self.bias
