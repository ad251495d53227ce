"""The interacting layer of AutoInt: fields attend to fields.

Reference: Song et al., CIKM 2019, https://arxiv.org/abs/1810.11921, eq. 5 to 8.
"""

from typing import Any

import keras
from keras import ops

from models.layers.heads import attended


@keras.saving.register_keras_serializable("millstream")
class FieldAttention(keras.layers.Layer):
    """ReLU(sum_k a_mk W_V e_k of every head, side by side, + W_R e_m) for each field m.

    a_mk = softmax_k <W_Q e_m, W_K e_k>, a softmax over fields k, in each head with matrices of its
    own, without a scale.

    Args:
        heads: how many.
        head_width: values that each gives to a field.

    Input: (batch, fields, width); output: (batch, fields, heads x head_width).
    """

    def __init__(self, heads: int = 2, head_width: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads
        self.head_width = head_width

    def build(self, shape: tuple[int | None, ...]) -> None:
        def dense(name: str) -> Any:
            layer = keras.layers.Dense(self.heads * self.head_width, use_bias=False, name=name)
            layer.build(shape)
            return layer

        self.query, self.key, self.value = dense("query"), dense("key"), dense("value")
        self.residual = dense("residual")

    def call(self, e: Any) -> Any:
        mixed = attended(self.query(e), self.key(e), self.value(e), self.heads)
        return ops.relu(mixed + self.residual(e))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads, "head_width": self.head_width}
