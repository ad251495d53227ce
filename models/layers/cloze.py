"""The token that stands for an item to be guessed.

Reference: Sun et al., CIKM 2019, https://arxiv.org/abs/1904.06690, section 3.6.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class ClozeToken(keras.layers.Layer):
    """A learnt vector before the newest entry, or in the place of those that are `masked`.

    Input: vectors (batch, length, width), newest first; ids (batch, length); optionally masked
    (batch, length), 1 where the entry is to be guessed.
    Output: vectors, and what is not 0 where there is an entry or the token: of `length` where
    `masked` is given, else of `length` + 1 with the token in place 0.
    """

    def build(
        self,
        vectors_shape: tuple[Any, ...],
        ids_shape: tuple[Any, ...],
        masked_shape: tuple[Any, ...] | None = None,
    ) -> None:
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.token = self.add_weight(
            shape=(1, 1, vectors_shape[-1]), initializer=initializer, name="token"
        )

    def call(self, vectors: Any, ids: Any, masked: Any = None) -> tuple[Any, Any]:
        if masked is not None:
            hidden = ops.cast(masked, vectors.dtype)
            vectors = vectors * (1.0 - hidden[..., None]) + self.token * hidden[..., None]
            return vectors, ops.maximum(ops.cast(ops.not_equal(ids, 0), vectors.dtype), hidden)
        first = ops.zeros_like(vectors[:, :1]) + self.token
        seen = ops.cast(ops.not_equal(ids, 0), vectors.dtype)
        shown = ops.concatenate([ops.ones_like(seen[:, :1]), seen], axis=1)
        return ops.concatenate([first, vectors], axis=1), shown
