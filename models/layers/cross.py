"""Cross layers of DCN and DCN-V2.

References: Wang et al., ADKDD 2017, https://arxiv.org/abs/1708.05123, eq. 3;
Wang et al., WWW 2021, https://arxiv.org/abs/2008.13535, eq. 1 and 2.
"""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class VectorCross(keras.layers.Layer):
    """x_0 (x_l^T w) + b + x_l: the layer of the first DCN.

    Input: x_0 and x_l, both (batch, width); output: (batch, width).
    """

    def build(self, x0_shape: tuple[int | None, ...], x_shape: tuple[int | None, ...]) -> None:
        self.weight = keras.layers.Dense(1, use_bias=False, name="weight")
        self.weight.build(x_shape)
        self.bias = self.add_weight(shape=x_shape[-1:], initializer="zeros", name="bias")

    def call(self, x0: Any, x: Any) -> Any:
        return x0 * self.weight(x) + self.bias + x


@keras.saving.register_keras_serializable("millstream")
class Cross(keras.layers.Layer):
    """x_0 * (W x_l + b) + x_l, element-wise product; with a rank, W = U V^T.

    Args:
        rank: columns of U and V; None keeps W whole.

    Input: x_0 and x_l, both (batch, width); output: (batch, width).
    """

    def __init__(self, rank: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rank = rank

    def build(self, x0_shape: tuple[int | None, ...], x_shape: tuple[int | None, ...]) -> None:
        width = x_shape[-1]
        self.down = None
        if self.rank is not None:
            self.down = keras.layers.Dense(self.rank, use_bias=False, name="down")
            self.down.build(x_shape)
            x_shape = (*x_shape[:-1], self.rank)
        self.kernel = keras.layers.Dense(width, name="kernel")
        self.kernel.build(x_shape)

    def call(self, x0: Any, x: Any) -> Any:
        projected = x if self.down is None else self.down(x)
        return x0 * self.kernel(projected) + x

    def matrix(self) -> np.ndarray:
        """The equation's W, (width, width): row i weighs what is multiplied with entry i of x_0."""
        kernel = self.kernel.kernel
        if self.down is not None:
            kernel = ops.matmul(self.down.kernel, kernel)
        return ops.convert_to_numpy(kernel).T

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank}
