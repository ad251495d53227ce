"""A list of vectors becomes one vector; padding (id 0) has no part in it."""

from typing import Any

import keras
from keras import ops

from models.layers.target_attention import TargetAttention
from models.layers.transformer import TransformerPooling


@keras.saving.register_keras_serializable("millstream")
class MaskedSum(keras.layers.Layer):
    """sum_j m_j v_j over the list, m_j = 1 where the id is not 0.

    Input: vectors (batch, length, width) and ids (batch, length); output: (batch, width).
    """

    def call(self, vectors: Any, ids: Any) -> Any:
        return ops.sum(vectors * _mask(vectors, ids), axis=-2)


@keras.saving.register_keras_serializable("millstream")
class MaskedMean(keras.layers.Layer):
    """sum_j m_j v_j / max(sum_j m_j, 1): the mean of what is there, zeros for an empty list.

    Input: vectors (batch, length, width) and ids (batch, length); output: (batch, width).
    """

    def call(self, vectors: Any, ids: Any) -> Any:
        mask = _mask(vectors, ids)
        return ops.sum(vectors * mask, axis=-2) / ops.maximum(ops.sum(mask, axis=-2), 1)


POOLINGS: dict[str, type[keras.layers.Layer]] = {"mean": MaskedMean, "sum": MaskedSum}
TARGET_POOLINGS: dict[str, type[keras.layers.Layer]] = {
    "din": TargetAttention,
    "transformer": TransformerPooling,
}


def _mask(vectors: Any, ids: Any) -> Any:
    return ops.expand_dims(ops.cast(ops.not_equal(ids, 0), vectors.dtype), -1)
