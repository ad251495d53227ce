"""The compressed interaction network of xDeepFM.

Reference: Lian et al., KDD 2018, https://arxiv.org/abs/1803.05170, eq. 6 to 8.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from models.layers.stacked import stacked


@keras.saving.register_keras_serializable("millstream")
class CompressedInteraction(keras.layers.Layer):
    """X^k_h = sum_{i,j} W^k_{ijh} (X^{k-1}_i * X^0_j), element-wise products, for each layer k.

    X^0 holds the fields' vectors. Every X^k_h is summed over its entries.

    Args:
        maps: how many X^k_h each layer has.

    Input: one (batch, width) vector per field; output: (batch, sum of `maps`).
    """

    fields_vary_fastest = True  # in the rows of the kernels; see `models.alignment`

    def __init__(self, maps: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.maps = tuple(maps)

    def build(self, vectors_shapes: Sequence[tuple[int | None, ...]]) -> None:
        fields = before = len(vectors_shapes)
        self.kernels = []
        for i, maps in enumerate(self.maps):
            shape = (before * fields, maps)
            self.kernels.append(self.add_weight(shape=shape, name=f"kernel_{i}"))
            before = maps

    def call(self, vectors: Sequence[Any]) -> Any:
        x0 = x = ops.transpose(stacked(vectors), (0, 2, 1))
        width, fields = x0.shape[1:]
        pooled = []
        for kernel in self.kernels:
            products = x[:, :, :, None] * x0[:, :, None, :]
            products = ops.reshape(products, (-1, width, x.shape[2] * fields))
            x = ops.matmul(products, kernel)
            pooled.append(ops.sum(x, axis=1))
        return ops.concatenate(pooled, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "maps": list(self.maps)}
