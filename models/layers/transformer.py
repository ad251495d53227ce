"""A transformer over a list and its target.

References: Vaswani et al., NIPS 2017, https://arxiv.org/abs/1706.03762, eq. 1 and section 3.5;
Chen et al., DLP-KDD 2019, https://arxiv.org/abs/1905.06874 (the target among the behaviours).
"""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class TransformerPooling(keras.layers.Layer):
    """The target, after it has attended to itself and to the entries of the list.

    The entries, with sinusoidal positions counted from the front, and the target at position 0 go
    through `blocks` of multi-head attention and a feed-forward layer, each with a residual and
    layer normalisation. Padding is not attended to.

    Args:
        heads: that divide the width among them; as many as fit, if they do not divide it.
        blocks: one after the other.

    Input: vectors (batch, length, width), ids (batch, length), target (batch, width);
    output: (batch, width).
    """

    def __init__(self, heads: int = 2, blocks: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads
        self.blocks = blocks

    def build(
        self,
        vectors_shape: tuple[int | None, ...],
        ids_shape: tuple[int | None, ...],
        target_shape: tuple[int | None, ...],
    ) -> None:
        width = vectors_shape[-1]
        shape = (None, vectors_shape[1] + 1, width)
        heads = max(h for h in range(1, self.heads + 1) if width % h == 0)
        self.attention, self.inner, self.outer, self.norms = [], [], [], []
        for i in range(self.blocks):
            attention = keras.layers.MultiHeadAttention(heads, width // heads, name=f"heads_{i}")
            attention.build(shape, shape)
            inner = keras.layers.Dense(2 * width, activation="relu", name=f"inner_{i}")
            inner.build(shape)
            outer = keras.layers.Dense(width, name=f"outer_{i}")
            outer.build((*shape[:-1], 2 * width))
            norms = [keras.layers.LayerNormalization(name=f"norm_{i}_{part}") for part in range(2)]
            for norm in norms:
                norm.build(shape)
            self.attention.append(attention)
            self.inner.append(inner)
            self.outer.append(outer)
            self.norms.append(norms)
        self.positions = sinusoids(vectors_shape[1] + 1, width)

    def call(self, vectors: Any, ids: Any, target: Any) -> Any:
        x = ops.concatenate([target[:, None, :], vectors], axis=1) + self.positions
        seen = ops.concatenate([ops.ones_like(ids[:, :1]), ids], axis=1)
        mask = ops.not_equal(seen, 0)[:, None, :]
        for i in range(self.blocks):
            attended = self.attention[i](x, x, attention_mask=mask)
            x = self.norms[i][0](x + attended)
            x = self.norms[i][1](x + self.outer[i](self.inner[i](x)))
        return x[:, 0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads, "blocks": self.blocks}


def sinusoids(length: int, width: int) -> np.ndarray:
    """(length, width) float32: sines in the even places, cosines in the odd ones.

    >>> sinusoids(2, 4)[0].tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    rates = 10_000.0 ** (-(np.arange(width) // 2 * 2) / width)
    angles = np.arange(length)[:, None] * rates
    return np.where(np.arange(width) % 2, np.cos(angles), np.sin(angles)).astype(np.float32)
