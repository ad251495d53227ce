"""A block of a transformer over a history, causal or not.

References: Vaswani et al., NIPS 2017, https://arxiv.org/abs/1706.03762, eq. 1 and section 3.3;
Kang & McAuley, ICDM 2018, https://arxiv.org/abs/1808.09781, section III-B (causal, norm first); Sun
et al., CIKM 2019, https://arxiv.org/abs/1904.06690, section 3.3 (both directions, norm last).
"""

from typing import Any

import keras
from keras import ops
from keras.layers import Dense, Dropout, LayerNormalization

from models.layers.heads import attended
from models.layers.masked import mask_of


@keras.saving.register_keras_serializable("millstream")
class SelfAttentionBlock(keras.layers.Layer):
    """x + drop(heads(LN(x))), then x + drop(FFN(LN(x))); or LN(x + drop(heads(x))) and so on.

    FFN(x) = W_2 activation(W_1 x + b_1) + b_2. Padding is not attended to, and stays 0.

    Args:
        heads: that divide the width among them; as many as fit, if they do not divide it.
        causal: whether an entry sees itself and older ones alone.
        norm_first: whether layers are normalised before, rather than after the sum.
        inner: width of the inner layer, in widths of x.
        activation: of the inner layer.
        dropout: of attention weights and of what is added.

    Input: x (batch, length, width), newest entry first; seen (batch, length), not 0 where there is
    an entry; output: (batch, length, width).
    """

    def __init__(
        self,
        heads: int = 1,
        *,
        causal: bool = True,
        norm_first: bool = True,
        inner: int = 1,
        activation: str = "relu",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.heads, self.causal, self.norm_first = heads, causal, norm_first
        self.inner_widths, self.activation, self.dropout = inner, activation, dropout

    def build(self, x_shape: tuple[Any, ...], seen_shape: tuple[Any, ...]) -> None:
        width = x_shape[-1]
        self.fitting = max(h for h in range(1, self.heads + 1) if width % h == 0)
        # A bias of keys would add the same to all scores of an entry: softmax does not see it.
        self.query, self.key, self.value, self.joined = (
            Dense(width, use_bias=name != "key", name=name)
            for name in ("query", "key", "value", "joined")
        )
        for dense in (self.query, self.key, self.value, self.joined):
            dense.build(x_shape)
        self.inner = Dense(self.inner_widths * width, self.activation, name="inner")
        self.inner.build(x_shape)
        self.outer = Dense(width, name="outer")
        self.outer.build((*x_shape[:-1], self.inner_widths * width))
        self.attention_norm, self.norm = (
            LayerNormalization(epsilon=1e-8, name=name) for name in ("attention_norm", "norm")
        )
        self.attention_norm.build(x_shape)
        self.norm.build(x_shape)
        self.drop = Dropout(self.dropout)

    @property
    def differs_in_training(self) -> bool:
        return self.dropout > 0

    def call(self, x: Any, seen: Any, training: bool = False) -> Any:
        there = mask_of(seen, x.dtype)[..., None]
        if self.norm_first:
            x = x + self._mixed(self.attention_norm(x), seen, training)
            x = x + self._transformed(self.norm(x), training)
        else:
            x = self.attention_norm(x + self._mixed(x, seen, training))
            x = self.norm(x + self._transformed(x, training))
        return x * there

    def _mixed(self, x: Any, seen: Any, training: bool) -> Any:
        queries = self.query(x) * (x.shape[-1] / self.fitting) ** -0.5
        mask = ops.not_equal(seen, 0)
        if self.causal:
            mask = ops.logical_and(mask[:, None, :], older(ops.shape(x)[1]))
        mixed = attended(
            queries,
            self.key(x),
            self.value(x),
            self.fitting,
            mask,
            lambda weights: self.drop(weights, training=training),
        )
        return self.drop(self.joined(mixed), training=training)

    def _transformed(self, x: Any, training: bool) -> Any:
        inner = self.drop(self.inner(x), training=training)
        return self.drop(self.outer(inner), training=training)

    def get_config(self) -> dict[str, Any]:
        own = {
            "heads": self.heads,
            "causal": self.causal,
            "norm_first": self.norm_first,
            "inner": self.inner_widths,
            "activation": self.activation,
            "dropout": self.dropout,
        }
        return {**super().get_config(), **own}


def older(length: Any) -> Any:
    """(length, length) bool: whether entry k is entry m itself or an older one; newest first.

    >>> ops.convert_to_numpy(older(2)).tolist()
    [[True, True], [False, True]]
    """
    places = ops.arange(length)
    return ops.greater_equal(places[None, :], places[:, None])
