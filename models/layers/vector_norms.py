"""How long vectors are."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class VectorNorms(keras.layers.Layer):
    """||v_i|| of each vector, as a fact about it: no gradient goes back.

    Input: (batch, vectors, width); output: (batch, vectors).
    """

    def call(self, vectors: Any) -> Any:
        return ops.stop_gradient(ops.sqrt(ops.sum(ops.square(vectors), axis=-1)))
