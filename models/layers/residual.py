"""The residual unit of Deep Crossing.

Reference: Shan et al., KDD 2016, https://doi.org/10.1145/2939672.2939704, eq. 2 and figure 2.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class ResidualUnit(keras.layers.Layer):
    """ReLU(x + W_1 ReLU(W_0 x + b_0) + b_1).

    Args:
        inner: rows of W_0.

    Input and output: (batch, width).
    """

    def __init__(self, inner: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.first = keras.layers.Dense(self.inner, activation="relu", name="first")
        self.first.build(shape)
        self.second = keras.layers.Dense(shape[-1], name="second")
        self.second.build((*shape[:-1], self.inner))

    def call(self, x: Any) -> Any:
        return ops.relu(x + self.second(self.first(x)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "inner": self.inner}
