"""A GRU whose update gate attention may scale (AUGRU).

Reference: Zhou et al., AAAI 2019, https://arxiv.org/abs/1809.03672, eq. 2 to 5 and 14 to 16.
"""

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
        self.inputs_kernel = keras.layers.Dense(3 * width, name="input")
        self.inputs_kernel.build(x_shape)
        self.recurrent_kernel = self.add_weight(
            shape=(width, 3 * width), initializer="orthogonal", name="recurrent_kernel"
        )

    def call(self, x: Any, ids: Any, attention: Any = None) -> Any:
        mask = mask_of(ids, x.dtype)
        gate = mask if attention is None else mask * attention
        steps = [ops.swapaxes(self.inputs_kernel(x), 0, 1), ops.transpose(gate)[..., None]]
        first = ops.zeros_like(x[:, 0])
        _, states = ops.scan(self._step, first, steps, length=x.shape[1], reverse=True)
        return ops.swapaxes(states, 0, 1)

    def _step(self, h: Any, step: tuple[Any, Any]) -> tuple[Any, Any]:
        x, gate = step
        x_u, x_r, x_h = ops.split(x, 3, axis=-1)
        h_u, h_r, h_h = ops.split(ops.matmul(h, self.recurrent_kernel), 3, axis=-1)
        candidate = ops.tanh(x_h + ops.sigmoid(x_r + h_r) * h_h)
        update = gate * ops.sigmoid(x_u + h_u)
        h = (1.0 - update) * h + update * candidate
        return h, h
