"""Every pair of fields, i < j, in the order (0, 1), (0, 2), ..., (1, 2), ..."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import keras
import numpy as np
from keras import ops

from millstream.errors import ConfigurationError
from models.layers.stacked import stacked


def pair_places(fields: int) -> np.ndarray:
    """(2, pairs) int32: the first and the second field of each pair.

    Raises:
        ConfigurationError: fewer than two fields.

    >>> pair_places(3).tolist()
    [[0, 0, 1], [1, 2, 2]]
    """
    if fields < 2:
        raise ConfigurationError(
            f"`fields` must be at least two to form pairs. Received: {fields}."
        )
    return np.array(list(combinations(range(fields), 2)), np.int32).T


def pairs_of(vectors: Sequence[Any]) -> tuple[Any, Any]:
    """One (batch, width) vector per field -> v_i and v_j of every pair, both (pairs, batch, width).

    Pairs come first, so that whole fields are copied, and each pair's matrix product is one. Fields
    are stacked as often as they occur: the gradient of taking them from one tensor is a scatter.

    Raises:
        ConfigurationError: fewer than two fields.
    """
    first, second = pair_places(len(vectors))
    return ops.stack([vectors[i] for i in first]), ops.stack([vectors[j] for j in second])


@keras.saving.register_keras_serializable("millstream")
class PairProducts(keras.layers.Layer):
    """v_i * v_j, element-wise, for every pair of fields.

    Input: one (batch, width) vector per field; output: (batch, pairs, width).
    """

    def call(self, vectors: Sequence[Any]) -> Any:
        first, second = pairs_of(vectors)
        return ops.transpose(first * second, (1, 0, 2))


@keras.saving.register_keras_serializable("millstream")
class PairDots(keras.layers.Layer):
    """<v_i, v_j> for every pair of fields.

    Input: one (batch, width) vector per field; output: (batch, pairs).
    """

    def call(self, vectors: Sequence[Any]) -> Any:
        first, second = pair_places(len(vectors))
        v = stacked(vectors)
        dots = ops.matmul(v, ops.transpose(v, (0, 2, 1)))  # of all with all: no copies of vectors
        return ops.take(
            ops.reshape(dots, (-1, len(vectors) ** 2)), len(vectors) * first + second, 1
        )
