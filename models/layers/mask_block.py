"""Building block of MaskNet: a layer whose input is masked by the whole instance.

Reference: Wang, She & Zhang, DLP-KDD 2021, https://arxiv.org/abs/2102.07619, section 3.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class MaskBlock(keras.layers.Layer):
    """ReLU(LN(W (mask * x))), mask = W_d ReLU(W_a v + b_a) + b_d: v is the instance.

    b_d begins at 1: a new mask leaves x nearly as it is.

    Args:
        units: rows of W.
        ratio: rows of W_a for each value of x; the paper's aggregation layer is the wider one.

    Input: v, all vectors of the instance side by side, (batch, any width); x, (batch, another),
    those vectors after layer normalisation, or what another block gave. Output: (batch, units).
    """

    def __init__(self, units: int, ratio: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.ratio = ratio

    def build(self, v_shape: tuple[int | None, ...], x_shape: tuple[int | None, ...]) -> None:
        width = x_shape[-1] or 0
        wide = max(1, round(self.ratio * width))
        self.aggregate = keras.layers.Dense(wide, activation="relu", name="aggregate")
        self.aggregate.build(v_shape)
        self.project = keras.layers.Dense(width, bias_initializer="ones", name="project")
        self.project.build((None, wide))
        self.hidden = keras.layers.Dense(self.units, use_bias=False, name="hidden")
        self.hidden.build(x_shape)
        self.normalise = keras.layers.LayerNormalization(name="normalise")
        self.normalise.build((None, self.units))

    def call(self, v: Any, x: Any) -> Any:
        mask = self.project(self.aggregate(v))
        return ops.relu(self.normalise(self.hidden(mask * x)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "ratio": self.ratio}
