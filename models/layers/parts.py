"""Vectors in parts: field i shows field j the part that it has for j, or for the group of j.

References: Juan et al., RecSys 2016, https://doi.org/10.1145/2959100.2959134, section 3; Pan et
al., KDD 2024, https://arxiv.org/abs/2403.00793 (GwPFM).
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Dense

from models.inputs import FieldInputs
from models.layers.pairs import pair_places
from models.layers.stacked import stacked


def parted_vectors(inputs: FieldInputs, parts: int, width: int) -> list[Any]:
    """Every field as one vector of all its parts, side by side: (batch, parts x width).

    A table's row holds all parts of its id; those of floats are V x.
    """
    whole = parts * width
    for field in inputs.fields:  # The target of a list may come after the list.
        if field.is_id:
            inputs.vectors(field, width=whole)
    return [
        inputs.pooled(field, width=whole)
        if field.is_id
        else Dense(whole, use_bias=False, name=f"vector.{field.name}")(inputs.numbers(field))
        for field in inputs.fields
    ]


def part_products(vectors: Sequence[Any], groups: Sequence[int]) -> Any:
    """v_{i,G(j)} * v_{j,G(i)}, element-wise, for every pair of fields.

    Args:
        vectors: one for each field, (batch, parts x width).
        groups: number of each field's group, below the number of parts.

    Returns:
        (batch, pairs, width).

    Raises:
        ConfigurationError: fewer than two fields.
    """
    parts = max(groups) + 1
    first, second = pair_places(len(vectors))
    group = np.array(groups, np.int32)
    v = stacked(vectors)
    v = ops.reshape(v, (-1, len(groups) * parts, v.shape[-1] // parts))
    seen_by_second = ops.take(v, first * parts + group[second], axis=1)
    seen_by_first = ops.take(v, second * parts + group[first], axis=1)
    return seen_by_second * seen_by_first


@keras.saving.register_keras_serializable("millstream")
class FieldAware(keras.layers.Layer):
    """sum_{i<j} <v_{i,j}, v_{j,i}>: a field has one part for every field.

    Input: one vector per field, (batch, fields x width); output: (batch, 1).
    """

    def call(self, vectors: Sequence[Any]) -> Any:
        products = part_products(vectors, range(len(vectors)))
        return ops.sum(ops.sum(products, axis=1), axis=-1, keepdims=True)


@keras.saving.register_keras_serializable("millstream")
class GroupAware(keras.layers.Layer):
    """sum_{i<j} (v_{i,G(j)} * v_{j,G(i)}) r_{G(i),G(j)}, element-wise; r begins at 1.

    There is one r for each pair of groups that two fields form, whichever comes first.

    Args:
        groups: number of each field's group; numbers are 0, 1, ... without gaps.

    Input: one vector per field, (batch, groups x width); output: (batch, width).
    """

    def __init__(self, groups: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = tuple(groups)

    def build(self, shapes: Sequence[tuple[int | None, ...]]) -> None:
        first, second = pair_places(len(self.groups))
        groups = np.array(self.groups)
        met = list(zip(*np.sort([groups[first], groups[second]], axis=0).tolist(), strict=True))
        place = {pair: n for n, pair in enumerate(sorted(set(met)))}
        self.places = np.array([place[pair] for pair in met], np.int32)
        self.strength = self.add_weight(shape=(len(place),), initializer="ones", name="strength")

    def call(self, vectors: Sequence[Any]) -> Any:
        products = part_products(vectors, self.groups)
        strength = ops.take(self.strength, self.places)
        return ops.einsum("bpw,p->bw", products, strength)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": list(self.groups)}
