"""Hierarchical sequential transduction unit: attention without softmax, with biases of time.

Reference: Zhai et al., ICML 2024, https://arxiv.org/abs/2402.17152, eq. 1 to 3 and section 3.
"""

from typing import Any

import keras
from keras import ops
from keras.layers import Dense, Dropout, LayerNormalization

from models.layers.masked import mask_of
from models.layers.self_attention import older

BUCKETS = 128
_BASE = 0.301  # as published


@keras.saving.register_keras_serializable("millstream")
class HSTUBlock(keras.layers.Layer):
    """x + W_2 drop(LN(A V) * U) with U, V, Q, K = split(silu(W_1 LN(x))).

    A_mk = silu(<q_m, k_k> + p_{k-m} + t_{bucket(time_m - time_k)}) / N_m for each head, over entry
    m itself and older ones k; N_m is how many those are; bucket(t) = floor(ln max(t, 1 s) / 0.301).
    The time of m is that of the entry which it predicts: of the one that came after it, and for the
    newest that of the request, or its own where no request's time is known. The paper divides by
    the longest history instead of N_m; LN makes up for either.

    Args:
        heads: that divide the width among them; as many as fit, if they do not divide it.
        positions: distances p that are told apart; greater ones share the last.
        dropout: of what W_2 takes.

    Input: x (batch, length, width), newest entry first; seen (batch, length), not 0 where there is
    an entry; optionally times (batch, length) in seconds, and now (batch, 1), both from one origin.
    Output: (batch, length, width).
    """

    def __init__(
        self, heads: int = 1, positions: int = 200, dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.heads, self.positions, self.dropout = heads, positions, dropout

    def build(
        self,
        x_shape: tuple[Any, ...],
        seen_shape: tuple[Any, ...],
        times_shape: tuple[Any, ...] | None = None,
        now_shape: tuple[Any, ...] | None = None,
    ) -> None:
        width = x_shape[-1]
        self.fitting = max(h for h in range(1, self.heads + 1) if width % h == 0)
        self.norm, self.mixed_norm = (
            LayerNormalization(epsilon=1e-6, name=name) for name in ("norm", "mixed_norm")
        )
        self.norm.build(x_shape)
        self.mixed_norm.build(x_shape)
        self.inner = Dense(4 * width, "silu", name="inner")
        self.inner.build(x_shape)
        self.outer = Dense(width, name="outer")
        self.outer.build(x_shape)
        self.drop = Dropout(self.dropout)
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.by_distance = self.add_weight(
            shape=(self.positions,), initializer=small, name="by_distance"
        )
        if times_shape is not None:
            self.by_time = self.add_weight(shape=(BUCKETS,), initializer=small, name="by_time")

    @property
    def differs_in_training(self) -> bool:
        return self.dropout > 0

    def call(
        self, x: Any, seen: Any, times: Any = None, now: Any = None, training: bool = False
    ) -> Any:
        there = mask_of(seen, x.dtype)
        u, v, q, k = ops.split(self.inner(self.norm(x)), 4, axis=-1)
        mask = there[:, None, :] * ops.cast(older(ops.shape(x)[1]), x.dtype)  # (batch, m, k)
        count = ops.maximum(ops.sum(mask, axis=-1, keepdims=True), 1.0)
        weights = self._weights(q, k, times, now) * (mask / count)[:, None]
        mixed = ops.matmul(weights, self._cut(v, (0, 2, 1, 3)))
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, *ops.shape(x)[1:]))
        gated = self.drop(self.mixed_norm(mixed) * u, training=training)
        return (x + self.outer(gated)) * there[..., None]

    def _weights(self, q: Any, k: Any, times: Any, now: Any) -> Any:
        """(batch, heads, m, k)"""
        scores = ops.matmul(self._cut(q, (0, 2, 1, 3)), self._cut(k, (0, 2, 3, 1)))
        places = ops.arange(ops.shape(q)[1])
        distance = ops.clip(places[None, :] - places[:, None], 0, self.positions - 1)
        scores = scores + ops.take(self.by_distance, distance)
        if times is not None:
            scores = scores + ops.take(self.by_time, buckets(times, now))[:, None]
        return ops.silu(scores)

    def _cut(self, x: Any, axes: tuple[int, ...]) -> Any:
        width = x.shape[-1]
        shape = (-1, ops.shape(x)[1], self.fitting, width // self.fitting)
        return ops.transpose(ops.reshape(x, shape), axes)

    def get_config(self) -> dict[str, Any]:
        own = {"heads": self.heads, "positions": self.positions, "dropout": self.dropout}
        return {**super().get_config(), **own}


def buckets(times: Any, now: Any = None) -> Any:
    """(batch, length, length) int32: the bucket of how long before what m predicts k was.

    Args:
        times: (batch, length) seconds, newest first.
        now: (batch, 1) seconds of the request; None is the time of the newest entry.
    """
    newest = times[:, :1] if now is None else ops.cast(now, times.dtype)
    predicted = ops.concatenate([newest, times[:, :-1]], axis=1)
    gaps = ops.maximum(predicted[:, :, None] - times[:, None, :], 1.0)
    found = ops.floor(ops.log(gaps) / _BASE)
    return ops.cast(ops.minimum(found, BUCKETS - 1.0), "int32")
