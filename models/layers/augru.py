"""A GRU whose update gate attention may scale (AUGRU).

Reference: Zhou et al., AAAI 2019, https://arxiv.org/abs/1809.03672, eq. 2 to 5 and 14 to 16.
"""

from typing import Any

import keras
from keras import ops
from keras.layers import Dense

from models.layers.masked import mask_of

GATES = ("update", "reset", "candidate")


@keras.saving.register_keras_serializable("millstream")
class AUGRU(keras.layers.Layer):
    """h_t = (1 - a_t u_t) * h_{t-1} + a_t u_t * h~_t, from the oldest entry to the newest.

    u_t, r_t = sigmoid(W i_t + U h_{t-1} + b), h~_t = tanh(W i_t + r_t * (U h_{t-1}) + b), each with
    its own W, U and b. Without attention a_t = 1: a plain GRU. Padding leaves the state as it is.

    There is no loop in the graph: every entry has operations of its own. A training step then takes
    half as long, and the first one longer: 4 s for two of these over 50 entries, 14 s over 200.

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
        self.inputs = [Dense(width, name=f"input_{gate}") for gate in GATES]
        for dense in self.inputs:
            dense.build(x_shape)
        self.kernels = [
            self.add_weight(shape=(width, width), initializer="orthogonal", name=f"state_{gate}")
            for gate in GATES
        ]

    def call(self, x: Any, ids: Any, attention: Any = None) -> Any:
        scale = mask_of(ids, x.dtype)
        if attention is not None:
            scale = scale * attention
        by_entry = ops.transpose(x, (1, 0, 2))  # so that what an entry needs lies together
        parts = [*(dense(by_entry) for dense in self.inputs), ops.transpose(scale)[..., None]]
        entries = list(zip(*(ops.unstack(part) for part in parts), strict=True))
        h = ops.zeros_like(x[:, 0])
        states = []
        for entry in reversed(entries):
            h = self._next(h, *entry)
            states.append(h)
        return ops.stack(states[::-1], axis=1)

    def _next(self, h: Any, x_u: Any, x_r: Any, x_h: Any, scale: Any) -> Any:
        h_u, h_r, h_h = (ops.matmul(h, kernel) for kernel in self.kernels)
        candidate = ops.tanh(x_h + ops.sigmoid(x_r + h_r) * h_h)
        return h + scale * ops.sigmoid(x_u + h_u) * (candidate - h)
