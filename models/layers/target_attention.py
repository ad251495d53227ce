"""The attention of DIN: how much each entry of a list has to do with the target.

Reference: Zhou et al., KDD 2018, https://arxiv.org/abs/1706.06978, eq. 3 and figure 2.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from models.layers.dice import Dice
from models.layers.masked import mask_of


@keras.saving.register_keras_serializable("millstream")
class TargetAttention(keras.layers.Layer):
    """sum_j m_j a(e_j, v) e_j, a = MLP[e_j, v, e_j - v, e_j * v]: no softmax, so that the strength
    of an interest stays; m_j = 1 where the id is not 0.

    Args:
        hidden: widths of the MLP, each followed by Dice.

    Input: vectors (batch, length, width), ids (batch, length), target (batch, width);
    output: (batch, width).
    """

    def __init__(self, hidden: Sequence[int] = (36,), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden = tuple(hidden)

    def build(
        self,
        vectors_shape: tuple[Any, ...],
        ids_shape: tuple[Any, ...],
        target_shape: tuple[Any, ...],
    ) -> None:
        shape: tuple[Any, ...] = (*ids_shape, 4 * vectors_shape[-1])
        self.dense, self.dice = [], []
        for i, width in enumerate(self.hidden):
            self.dense.append(keras.layers.Dense(width, name=f"unit_{i}"))
            self.dice.append(Dice(name=f"dice_{i}"))
            self.dense[-1].build(shape)
            shape = (*shape[:-1], width)
            self.dice[-1].build(shape)
        self.weight = keras.layers.Dense(1, name="weight")
        self.weight.build(shape)

    def call(self, vectors: Any, ids: Any, target: Any, training: bool | None = None) -> Any:
        mask = mask_of(ids, vectors.dtype)
        v = ops.broadcast_to(target[:, None, :], ops.shape(vectors))
        x = ops.concatenate([vectors, v, vectors - v, vectors * v], axis=-1)
        for dense, dice in zip(self.dense, self.dice, strict=True):
            x = dice(dense(x), mask, training=training)
        return ops.sum(mask[..., None] * self.weight(x) * vectors, axis=-2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hidden": list(self.hidden)}
