"""Pairwise interactions of fields, by a symmetric matrix for each pair of fields.

Reference: Pande, 2020, https://arxiv.org/abs/2009.09931 (FEFM).
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from models.layers.pairs import pair_places, pairs_of


@keras.saving.register_keras_serializable("millstream")
class SymmetricPairs(keras.layers.Layer):
    """v_i^T W_ij v_j for every pair of fields, where W_ij = U_ij + U_ij^T.

    Each W_ij begins as the identity, so that every value begins as a dot product.

    Input: one (batch, width) vector per field; output: (batch, pairs).
    """

    def build(self, shapes: Sequence[tuple[int | None, ...]]) -> None:
        width = shapes[0][-1]
        pairs = pair_places(len(shapes)).shape[1]
        self.halves = self.add_weight(
            shape=(pairs, width, width), initializer=_half_identities, name="halves"
        )

    def call(self, vectors: Sequence[Any]) -> Any:
        first, second = pairs_of(vectors)
        matrices = self.halves + ops.transpose(self.halves, (0, 2, 1))
        return ops.transpose(ops.sum(ops.matmul(first, matrices) * second, axis=-1))


def _half_identities(shape: tuple[int, int, int], dtype: Any = None) -> Any:
    return ops.broadcast_to(0.5 * ops.eye(shape[-1], dtype=dtype), shape)
