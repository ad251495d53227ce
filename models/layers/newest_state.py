"""The state after the newest entry of a history."""

from typing import Any

import keras
from keras import ops

from models.layers.masked import mask_of


@keras.saving.register_keras_serializable("millstream")
class NewestState(keras.layers.Layer):
    """The state in the first place that is not padding; a learnt vector where all is padding.

    Input: states (batch, length, width), newest first; ids (batch, length); output: (batch, width).
    """

    def build(self, states_shape: tuple[Any, ...], ids_shape: tuple[Any, ...]) -> None:
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.start = self.add_weight(
            shape=(1, states_shape[-1]), initializer=initializer, name="start"
        )

    def call(self, states: Any, ids: Any) -> Any:
        there = mask_of(ids, states.dtype)
        is_newest = there * ops.cast(ops.equal(ops.cumsum(there, axis=1), 1.0), states.dtype)
        newest = ops.matmul(is_newest[:, None, :], states)[:, 0]
        return newest + (1.0 - ops.max(there, axis=1, keepdims=True)) * self.start


@keras.saving.register_keras_serializable("millstream")
class WithOne(keras.layers.Layer):
    """(..., width) -> (..., width + 1): a 1 at the end, for what an item has whoever asks."""

    def call(self, x: Any) -> Any:
        return ops.concatenate([x, ops.ones_like(x[..., :1])], axis=-1)
