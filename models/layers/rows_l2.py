"""L2 regularisation of the embedding rows that a batch uses.

Reference: Zhou et al., KDD 2018, https://arxiv.org/abs/1706.06978, eq. 5 to 7.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class RowsL2(keras.layers.Layer):
    """Gives its first input back; in training it adds the loss l2 / 2 * sum_j |w_j|^2 over the rows
    j that the batch looks up, each once however often it occurs (the alpha_mj of eq. 6).

    The paper divides each term by the number of times that a row occurs in all data, which a stream
    does not have; `l2` stands for that quotient.

    Args:
        l2: weight of the loss.

    Input: x of any shape; vectors, a list of (batch, width) or (batch, length, width) from one
    table; ids, a list of (batch,) or (batch, length). Output: x.
    """

    def __init__(self, l2: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.l2 = l2

    def call(
        self, x: Any, vectors: Sequence[Any], ids: Sequence[Any], training: bool | None = None
    ) -> Any:
        if training:
            width = vectors[0].shape[-1]
            rows = ops.concatenate([ops.reshape(v, (-1, width)) for v in vectors])
            names = ops.concatenate([ops.reshape(i, (-1,)) for i in ids])
            order = ops.argsort(names)
            names, rows = ops.take(names, order), ops.take(rows, order, axis=0)
            first = names[1:] != names[:-1]
            first = ops.concatenate([ops.ones_like(first[:1]), first])
            counts = ops.cast(first & (names != 0), rows.dtype)
            self.add_loss(0.5 * self.l2 * ops.sum(counts * ops.sum(ops.square(rows), axis=-1)))
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "l2": self.l2}
