"""How much each field of a row counts, learnt by squeeze and excitation.

Reference: Huang, Zhang & Zhang, RecSys 2019, https://arxiv.org/abs/1905.09433
(SENET layer).
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class SqueezeExcitation(keras.layers.Layer):
    """v_i = a_i e_i, a = ReLU(W_2 ReLU(W_1 z + b_1) + b_2), z_i = mean of e_i.

    The paper has no biases. Here they begin at 1: the few units of a small network, all of them
    behind a ReLU, would otherwise often be dead from the start, and every weight a_i begins near 1.

    Args:
        reduction: fields for each unit of the layer in between.

    Input and output: (batch, fields, width).
    """

    def __init__(self, reduction: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reduction = reduction

    def build(self, shape: tuple[int | None, ...]) -> None:
        fields = shape[-2] or 0
        units = max(1, fields // self.reduction)
        self.squeeze = _dense(units, "squeeze")
        self.squeeze.build((None, fields))
        self.excite = _dense(fields, "excite")
        self.excite.build((None, units))

    def call(self, vectors: Any) -> Any:
        weights = self.excite(self.squeeze(ops.mean(vectors, axis=-1)))
        return vectors * weights[..., None]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction": self.reduction}


def _dense(units: int, name: str) -> keras.layers.Dense:
    return keras.layers.Dense(units, activation="relu", bias_initializer="ones", name=name)
