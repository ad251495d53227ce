"""A GRU whose update gate attention may scale (AUGRU).

Reference: Zhou et al., AAAI 2019, https://arxiv.org/abs/1809.03672, eq. 2 to 5 and 14 to 16.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from models.layers.masked import mask_of


@keras.saving.register_keras_serializable("millstream")
class AUGRU(keras.layers.Layer):
    """h_t = (1 - a_t u_t) * h_{t-1} + a_t u_t * h~_t, from the oldest entry to the newest.

    u_t, r_t = sigmoid(W i_t + U h_{t-1} + b), h~_t = tanh(W i_t + r_t * (U h_{t-1}) + b), each with
    its own W, U and b. Without attention a_t = 1: a plain GRU. Padding leaves the state as it is.

    Input: x (batch, length, width), newest entry first; ids (batch, length); optionally attention
    (batch, length). Output: the states (batch, length, width), each in the place of its entry; the
    last state of all is in place 0.
    """

    def build(
        self,
        x_shape: tuple[Any, ...],
        ids_shape: tuple[Any, ...],
        attention_shape: tuple[Any, ...] | None = None,
    ) -> None:
        width = x_shape[-1]
        self.project = keras.layers.Dense(3 * width, name="input")
        self.project.build(x_shape)
        step = _Step(width, name="state")
        self.loop = keras.layers.RNN(step, return_sequences=True, go_backwards=True, name="loop")
        self.loop.build((*x_shape[:-1], 3 * width + 1))

    def call(self, x: Any, ids: Any, attention: Any = None) -> Any:
        gate = mask_of(ids, x.dtype)
        if attention is not None:
            gate = gate * attention
        states = self.loop(ops.concatenate([self.project(x), gate[..., None]], axis=-1))
        return ops.flip(states, axis=1)


class _Step(keras.layers.Layer):
    """(W i_t + b for u, r and h~, and a_t), h_{t-1} -> h_t."""

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = width

    def build(self, shape: tuple[Any, ...]) -> None:
        self.kernel = self.add_weight(
            shape=(self.state_size, 3 * self.state_size), initializer="orthogonal", name="kernel"
        )

    def call(self, inputs: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
        h = states[0]
        x_u, x_r, x_h = ops.split(inputs[:, :-1], 3, axis=-1)
        h_u, h_r, h_h = ops.split(ops.matmul(h, self.kernel), 3, axis=-1)
        candidate = ops.tanh(x_h + ops.sigmoid(x_r + h_r) * h_h)
        update = inputs[:, -1:] * ops.sigmoid(x_u + h_u)
        h = (1.0 - update) * h + update * candidate
        return h, [h]
