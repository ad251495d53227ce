"""Two streams meet in one logit.

Reference: Mao et al., AAAI 2023, https://arxiv.org/abs/2304.00902
(multi-head bilinear fusion).
"""

from itertools import pairwise
from typing import Any

import keras
import numpy as np
from keras import ops

from millstream.errors import ConfigurationError


@keras.saving.register_keras_serializable("millstream")
class BilinearFusion(keras.layers.Layer):
    """b + w_1^T o_1 + w_2^T o_2 + sum_k o_1k^T W_k o_2k, where o_1k and o_2k are parts of o_1, o_2.

    Args:
        heads: parts k that o_1 and o_2 are cut into, as even as can be. One head is the full
            bilinear form.

    Input: o_1 and o_2, (batch, width) each, of any widths; output: (batch, 1).

    Raises:
        ConfigurationError: more heads than values in a stream, or none.
    """

    def __init__(self, heads: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, a_shape: tuple[int | None, ...], b_shape: tuple[int | None, ...]) -> None:
        widths = a_shape[-1] or 0, b_shape[-1] or 0
        if not 1 <= self.heads <= min(widths):
            raise ConfigurationError(
                f"`heads` must be from 1 to {min(widths)}, the values in a stream. "
                f"Received: {self.heads!r}."
            )
        self.cuts = [list(pairwise(_cuts(width, self.heads))) for width in widths]
        self.first = keras.layers.Dense(1, name="first")
        self.first.build(a_shape)
        self.second = keras.layers.Dense(1, use_bias=False, name="second")
        self.second.build(b_shape)
        self.kernels = [
            self.add_weight(shape=(a[1] - a[0], b[1] - b[0]), name=f"kernel_{k}")
            for k, (a, b) in enumerate(zip(*self.cuts, strict=True))
        ]

    def call(self, a: Any, b: Any) -> Any:
        fused = self.first(a) + self.second(b)
        for kernel, (i, j), (k, m) in zip(self.kernels, *self.cuts, strict=True):
            crossed = ops.matmul(a[:, i:j], kernel) * b[:, k:m]
            fused = fused + ops.sum(crossed, axis=-1, keepdims=True)
        return fused

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads}


def _cuts(width: int, parts: int) -> list[int]:
    return [int(cut) for cut in np.linspace(0, width, parts + 1).round()]
