"""One cross layer of DCN-V2.

Reference: Wang et al., 2021, https://arxiv.org/abs/2008.13535, eq. 1 and 2.
"""

from typing import Any

import keras


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

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank}
