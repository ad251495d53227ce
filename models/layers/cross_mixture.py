"""The cross layer of DCN-V2 with a mixture of low-rank experts.

Reference: Wang et al., WWW 2021, https://arxiv.org/abs/2008.13535, where the cross
network becomes a mixture of low-rank ones.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from models.layers.initialisers import glorot_each


@keras.saving.register_keras_serializable("millstream")
class CrossMixture(keras.layers.Layer):
    """sum_k G_k(x_l) [x_0 * (U_k g(C_k g(V_k^T x_l)) + b)] + x_l, g = tanh.

    G is a softmax over the experts, linear in x_l. All experts have one b, which the gates, whose
    sum is 1, leave as it is.

    Args:
        experts: how many.
        rank: columns of each U_k and V_k.

    Input: x_0 and x_l, both (batch, width); output: (batch, width).
    """

    def __init__(self, experts: int, rank: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.experts = experts
        self.rank = rank

    def build(self, x0_shape: tuple[int | None, ...], x_shape: tuple[int | None, ...]) -> None:
        width, k, r = x_shape[-1], self.experts, self.rank

        def weight(name: str, *shape: int | None) -> Any:
            return self.add_weight(shape=shape, initializer=glorot_each(k), name=name)

        self.down = weight("down", k, width, r)
        self.middle = weight("middle", k, r, r)
        self.up = weight("up", k, r, width)
        self.bias = self.add_weight(shape=(width,), initializer="zeros", name="bias")
        self.gate = keras.layers.Dense(k, use_bias=False, activation="softmax", name="gate")
        self.gate.build(x_shape)

    def call(self, x0: Any, x: Any) -> Any:
        low = ops.tanh(ops.einsum("bi,kir->bkr", x, self.down))
        low = ops.tanh(ops.einsum("bkr,krs->bks", low, self.middle))
        expert = ops.einsum("bks,ksi->bki", low, self.up)
        mixed = ops.einsum("bk,bki->bi", self.gate(x), expert)
        return x0 * (mixed + self.bias) + x

    def matrix(self) -> np.ndarray:
        """sum_k U_k C_k V_k^T / experts, (width, width): the layer's W where x_l is near 0.

        There the gates are equal, and tanh is the identity.
        """
        products = ops.matmul(ops.matmul(self.down, self.middle), self.up)
        return ops.convert_to_numpy(ops.mean(products, axis=0)).T

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "experts": self.experts, "rank": self.rank}
