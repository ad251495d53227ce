"""Gathered rows as inputs of a network's body, and their gradients back, in a TensorFlow step.

Rows of one width cross the border between NumPy and TensorFlow as one array, (n, width): one
conversion, and one gradient, however many lookups there are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from models.split import Split
from online_trainer.embeddings.tables import ByWidth

Tensors = Mapping[str, Any]


class Layout:
    """Where the vectors of some bodies lie in the arrays by width.

    Args:
        splits: in the order in which their ids are looked up.
    """

    def __init__(self, splits: Sequence[Split]) -> None:
        self._splits = tuple(splits)
        self.widths = tuple(sorted({t.width for s in splits for t in s.tables.values()}))

    def unpack(self, flat: Mapping[str, Any], inputs: Sequence[Tensors]) -> list[Tensors]:
        """{width: (n, width)} -> for each split, {input name: ids' shape plus (width,)}.

        Args:
            flat: by the width as a string.
            inputs: for each split, the ids by field.
        """
        pieces: list[dict[str, Any]] = [{} for _ in self._splits]
        for width in self.widths:
            uses = self._uses(width)
            ids = [inputs[place][lookup.field] for place, lookup in uses]
            parts = tf.split(flat[str(width)], [tf.size(each) for each in ids], num=len(ids))
            for (place, lookup), each, part in zip(uses, ids, parts, strict=True):
                shape = tf.concat([tf.shape(each), [width]], 0)
                pieces[place][lookup.input_name] = tf.reshape(part, shape)
        return list(pieces)

    def pack(self, pieces: Sequence[Tensors]) -> dict[str, Any]:
        """The reverse of `unpack`."""
        return {
            str(width): tf.concat(
                [
                    tf.reshape(pieces[place][lookup.input_name], [-1, width])
                    for place, lookup in self._uses(width)
                ],
                0,
            )
            for width in self.widths
        }

    def _uses(self, width: int) -> list[tuple[int, Any]]:
        return [
            (place, lookup)
            for place, split in enumerate(self._splits)
            for lookup in split.lookups
            if split.tables[lookup.table].width == width
        ]

    def specs(self) -> dict[str, tf.TensorSpec]:
        """Of `flat`: any number of rows, so that no batch size is traced anew."""
        return {str(width): tf.TensorSpec((None, width), tf.float32) for width in self.widths}


def by_name(arrays: ByWidth) -> dict[str, np.ndarray]:
    """Arrays by width with names that TensorFlow takes as keys."""
    return {str(width): array for width, array in arrays.items()}


def by_width(tensors: Mapping[str, Any]) -> ByWidth:
    """The reverse, as NumPy arrays."""
    return {int(name): tensor.numpy() for name, tensor in tensors.items()}


def field_specs(split: Split) -> dict[str, tf.TensorSpec]:
    """Of the body's inputs that are fields, with any number of rows."""
    vectors = {lookup.input_name for lookup in split.lookups}
    return {
        x.name: tf.TensorSpec((None, *x.shape[1:]), x.dtype, name=x.name.replace(":", "_"))
        for x in split.body.inputs
        if x.name not in vectors
    }
