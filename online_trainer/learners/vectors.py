"""Gathered rows as inputs of a network's body, and their gradients back, in a TensorFlow step.

Rows of one group of tables cross the border between NumPy and TensorFlow as one array, (n, width):
one conversion, and one gradient, however many lookups there are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from models.split import Split
from online_trainer.embeddings.tables import ByGroup

Tensors = Mapping[str, Any]


class Layout:
    """Where the vectors of some bodies lie in the arrays by group.

    Args:
        splits: in the order in which their ids are looked up.
        groups: of the tables, by their names.
    """

    def __init__(self, splits: Sequence[Split], groups: Mapping[str, str]) -> None:
        self._splits = tuple(splits)
        self._groups = groups
        self._widths = {groups[t.name]: t.width for s in splits for t in s.tables.values()}

    def unpack(self, flat: Mapping[str, Any], inputs: Sequence[Tensors]) -> list[Tensors]:
        """{group: (n, width)} -> for each split, {input name: ids' shape plus (width,)}.

        Args:
            inputs: for each split, the ids by field.
        """
        pieces: list[dict[str, Any]] = [{} for _ in self._splits]
        for group, width in self._widths.items():
            uses = self._uses(group)
            ids = [inputs[place][lookup.field] for place, lookup in uses]
            parts = tf.split(flat[group], [tf.size(each) for each in ids], num=len(ids))
            for (place, lookup), each, part in zip(uses, ids, parts, strict=True):
                shape = tf.concat([tf.shape(each), [width]], 0)
                pieces[place][lookup.input_name] = tf.reshape(part, shape)
        return list(pieces)

    def pack(self, pieces: Sequence[Tensors]) -> dict[str, Any]:
        """The reverse of `unpack`."""
        return {
            group: tf.concat(
                [
                    tf.reshape(pieces[place][lookup.input_name], [-1, width])
                    for place, lookup in self._uses(group)
                ],
                0,
            )
            for group, width in self._widths.items()
        }

    def _uses(self, group: str) -> list[tuple[int, Any]]:
        return [
            (place, lookup)
            for place, split in enumerate(self._splits)
            for lookup in split.lookups
            if self._groups[lookup.table] == group
        ]

    def specs(self) -> dict[str, tf.TensorSpec]:
        """Of `flat`: any number of rows, so that no batch size is traced anew."""
        return {
            group: tf.TensorSpec((None, width), tf.float32) for group, width in self._widths.items()
        }


def as_arrays(tensors: Mapping[str, Any]) -> ByGroup:
    """Tensors by group as NumPy arrays."""
    return {group: tensor.numpy() for group, tensor in tensors.items()}


def field_specs(split: Split) -> dict[str, tf.TensorSpec]:
    """Of the body's inputs that are fields, with any number of rows."""
    vectors = {lookup.input_name for lookup in split.lookups}
    return {
        x.name: tf.TensorSpec((None, *x.shape[1:]), x.dtype, name=x.name.replace(":", "_"))
        for x in split.body.inputs
        if x.name not in vectors
    }
