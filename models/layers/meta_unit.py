"""A fully connected layer whose weights another vector makes.

Reference: Zhang et al., WSDM 2022, https://arxiv.org/abs/2201.06814, eq. 5 and 6.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class MetaUnit(keras.layers.Layer):
    """W h + b, W = reshape(V S + c), b = U S + d: S is the scenario, h what it changes.

    W begins near the matrix that a `Dense` layer would begin with: c is drawn like one.

    Args:
        units: of the output.

    Input: h (batch, width) or (batch, entries, width), and S (batch, any width); output: as h, with
    `units`.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, h_shape: tuple[Any, ...], s_shape: tuple[Any, ...]) -> None:
        width = h_shape[-1]
        small = keras.initializers.RandomUniform(-0.05, 0.05, seed=1)
        self.make_kernel = self.add_weight(
            shape=(s_shape[-1], width * self.units), initializer=small, name="make_kernel"
        )
        self.kernel = self.add_weight(shape=(width, self.units), name="kernel")
        self.make_bias = self.add_weight(
            shape=(s_shape[-1], self.units), initializer=small, name="make_bias"
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, h: Any, s: Any) -> Any:
        made = ops.reshape(ops.matmul(s, self.make_kernel), (-1, *self.kernel.shape))
        kernel, bias = made + self.kernel, ops.matmul(s, self.make_bias) + self.bias
        if len(h.shape) == 2:
            return ops.einsum("bi,biu->bu", h, kernel) + bias
        return ops.matmul(h, kernel) + bias[:, None]

    def compute_output_spec(self, h: Any, s: Any) -> keras.KerasTensor:
        return keras.KerasTensor((*h.shape[:-1], self.units), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
