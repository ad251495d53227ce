"""Building block of ContextNet: vectors refined by the context that they stand in.

Reference: Wang et al., 2021, https://arxiv.org/abs/2107.12025, section 3.
"""

from typing import Any, Literal

import keras
from keras import ops

from millstream.errors import ConfigurationError


@keras.saving.register_keras_serializable("millstream")
class ContextBlock(keras.layers.Layer):
    """m_i = h_i * c_i, c_i = W_i ReLU(W_a v); then LN(W_2 ReLU(W_1 m_i) + m_i), or LN(W_1 m_i).

    Fields share W_a, W_1, W_2 and the normalisation; each has a projection W_i of its own.

    Args:
        kind: `pffn`, point-wise with two layers and a residual, or `sffn`, with a single one.
        ratio: rows of W_a for each value of v.

    Input: v, all vectors of the embedding layer side by side, (batch, fields x width); h, what the
    block refines, (batch, fields, width). Output: (batch, fields, width).

    Raises:
        ConfigurationError: an unknown `kind`.
    """

    def __init__(
        self, kind: Literal["pffn", "sffn"] = "pffn", ratio: float = 2.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if kind not in ("pffn", "sffn"):
            raise ConfigurationError(f"`kind` must be 'pffn' or 'sffn'. Received: {kind!r}.")
        self.kind = kind
        self.ratio = ratio

    def build(self, v_shape: tuple[int | None, ...], h_shape: tuple[int | None, ...]) -> None:
        width = h_shape[-1] or 0
        wide = max(1, round(self.ratio * (v_shape[-1] or 0)))
        self.aggregate = _dense(wide, "aggregate", v_shape, "relu")
        self.project = _dense(v_shape[-1] or 0, "project", (None, wide))
        activation = "relu" if self.kind == "pffn" else None
        self.inner = _dense(width, "inner", h_shape, activation)
        self.outer = _dense(width, "outer", h_shape) if self.kind == "pffn" else None
        # Products of small vectors: the usual 1e-3 would outweigh their variance.
        self.normalise = keras.layers.LayerNormalization(epsilon=1e-6, name="normalise")
        self.normalise.build(h_shape)

    def call(self, v: Any, h: Any) -> Any:
        context = ops.reshape(self.project(self.aggregate(v)), (-1, *h.shape[1:]))
        merged = h * context
        refined = self.inner(merged)
        if self.outer is not None:
            refined = self.outer(refined) + merged
        return self.normalise(refined)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kind": self.kind, "ratio": self.ratio}


def _dense(
    units: int, name: str, shape: tuple[int | None, ...], activation: str | None = None
) -> keras.layers.Dense:
    layer = keras.layers.Dense(units, use_bias=False, activation=activation, name=name)
    layer.build(shape)
    return layer
