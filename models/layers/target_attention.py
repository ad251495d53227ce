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
        first, *others = *self.dense, self.weight
        x = _of_both(first, vectors, target)
        for dice, dense in zip(self.dice, others, strict=True):
            x = dense(dice(x, mask, training=training))
        strength = mask * x[..., 0]
        return ops.matmul(strength[:, None, :], vectors)[:, 0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hidden": list(self.hidden)}


def _of_both(dense: keras.layers.Dense, vectors: Any, target: Any) -> Any:
    """W [e, v, e - v, e * v] + b as W_1 [e, e * v] + W_2 v + b: v goes through once for a list.

    Args:
        vectors: e, (batch, length, width).
        target: v, (batch, width).
    """
    of_e, of_v, of_gap, of_product = ops.split(dense.kernel, 4)
    x = ops.concatenate([vectors, vectors * target[:, None, :]], axis=-1)
    by_entry = ops.matmul(x, ops.concatenate([of_e + of_gap, of_product]))
    by_list = ops.matmul(target, of_v - of_gap) + dense.bias
    return by_entry + by_list[:, None, :]
