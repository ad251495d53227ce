"""Pooling of a list as an autoencoder reads it."""

from typing import Any

import keras
from keras import ops

from models.layers.masked import mask_of


@keras.saving.register_keras_serializable("millstream")
class UnitSum(keras.layers.Layer):
    """W^T drop(x / |x|), x the 0-or-1 vector of what is in the list: sum_j v_j / sqrt(entries).

    In training, each entry is left out with the chance `dropout`, and the others grow by
    1 / (1 - dropout): the noise of a denoising autoencoder.

    Args:
        dropout: in [0, 1).

    Input: vectors (batch, length, width) and ids (batch, length), 0 for padding; output:
    (batch, width), zeros for an empty list.

    Reference: Liang et al., WWW 2018, https://arxiv.org/abs/1802.05814, section 3.
    """

    def __init__(self, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dropout = dropout
        self.differs_in_training = dropout > 0
        self.drop = keras.layers.Dropout(dropout, seed=1) if dropout else None

    def call(self, vectors: Any, ids: Any, training: bool | None = None) -> Any:
        mask = mask_of(ids, vectors.dtype)
        size = ops.maximum(ops.sum(mask, axis=-1, keepdims=True), 1)
        kept = mask if self.drop is None else self.drop(mask, training=training)
        return ops.sum(vectors * ops.expand_dims(kept, -1), axis=-2) / ops.sqrt(size)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dropout": self.dropout}
