"""Attention over the pairs of fields.

Reference: Xiao et al., IJCAI 2017, https://arxiv.org/abs/1708.04617, eq. 4 and 5.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class PairAttention(keras.layers.Layer):
    """sum_p a_p x_p over the pairs, a = softmax_p(h^T ReLU(W x_p + b)).

    Args:
        units: rows of W.

    Input: the products of the pairs, (batch, pairs, width); output: (batch, width).
    """

    def __init__(self, units: int = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.hidden = keras.layers.Dense(self.units, activation="relu", name="hidden")
        self.hidden.build(shape)
        self.score = keras.layers.Dense(1, use_bias=False, name="score")
        self.score.build((*shape[:-1], self.units))

    def call(self, products: Any) -> Any:
        weights = ops.softmax(self.score(self.hidden(products))[..., 0], axis=-1)
        return ops.matmul(weights[:, None, :], products)[:, 0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
