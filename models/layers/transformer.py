"""A transformer over a list and its target.

References: Vaswani et al., NIPS 2017, https://arxiv.org/abs/1706.03762, eq. 1 and section 3.5;
Chen et al., DLP-KDD 2019, https://arxiv.org/abs/1905.06874 (the target among the behaviours).
"""

from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Dense, LayerNormalization

from models.layers.heads import attended


@keras.saving.register_keras_serializable("millstream")
class TransformerBlock(keras.layers.Layer):
    """y = LN(x + heads(x)), LN(y + W_2 ReLU(W_1 y + b_1) + b_2).

    Args:
        heads: that divide the width among them; as many as fit, if they do not divide it.

    Input: x (batch, length, width), seen (batch, length), not 0 where x may be attended to;
    output: (batch, length, width).
    """

    def __init__(self, heads: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, x_shape: tuple[Any, ...], seen_shape: tuple[Any, ...]) -> None:
        width = x_shape[-1]
        self.fitting = max(h for h in range(1, self.heads + 1) if width % h == 0)
        self.query, self.key, self.value, self.joined = (
            Dense(width, use_bias=False, name=name) for name in ("query", "key", "value", "joined")
        )
        for dense in (self.query, self.key, self.value, self.joined):
            dense.build(x_shape)
        self.inner = Dense(2 * width, activation="relu", name="inner")
        self.inner.build(x_shape)
        self.outer = Dense(width, name="outer")
        self.outer.build((*x_shape[:-1], 2 * width))
        self.attended_norm = LayerNormalization(name="attended_norm")
        self.attended_norm.build(x_shape)
        self.norm = LayerNormalization(name="norm")
        self.norm.build(x_shape)

    def call(self, x: Any, seen: Any) -> Any:
        queries = self.query(x) * (x.shape[-1] / self.fitting) ** -0.5
        keys, values = self.key(x), self.value(x)
        mixed = attended(queries, keys, values, self.fitting, ops.not_equal(seen, 0))
        x = self.attended_norm(x + self.joined(mixed))
        return self.norm(x + self.outer(self.inner(x)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads}


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
        vectors_shape: tuple[Any, ...],
        ids_shape: tuple[Any, ...],
        target_shape: tuple[Any, ...],
    ) -> None:
        length, width = vectors_shape[1] + 1, vectors_shape[-1]
        self.stack = [TransformerBlock(self.heads, name=f"block_{i}") for i in range(self.blocks)]
        for block in self.stack:
            block.build((None, length, width), (None, length))
        self.positions = sinusoids(length, width)

    def call(self, vectors: Any, ids: Any, target: Any) -> Any:
        x = ops.concatenate([target[:, None, :], vectors], axis=1) + self.positions
        seen = ops.concatenate([ops.ones_like(ids[:, :1]), ids], axis=1)
        for block in self.stack:
            x = block(x, seen)
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
