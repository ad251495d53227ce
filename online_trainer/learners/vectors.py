"""Gathered rows as inputs of a network's body, in a TensorFlow step.

Rows of one group of tables cross the border between NumPy and TensorFlow as one array, (n, width):
one conversion, and one gradient, however many lookups there are. They come row by row of the batch:
what a network puts side by side then lies side by side already.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import tensorflow as tf

from models.split import Split
from online_trainer.embeddings.tables import ByGroup

Tensors = Mapping[str, Any]
Shapes = dict[str, tuple[int, ...]]


class Layout:
    """Layout of the vectors of some bodies in the arrays by group.

    Args:
        splits: whose ids are looked up one after the other, each in the order of its lookups.
        groups: of the tables, by their names.
    """

    def __init__(self, splits: Sequence[Split], groups: Mapping[str, str]) -> None:
        self._widths = {groups[t.name]: t.width for s in splits for t in s.tables.values()}
        self._shapes = {
            group: [_shapes(s, groups, group) for s in splits] for group in self._widths
        }
        self._count = len(splits)

    def unpack(self, flat: Tensors, rows: Sequence[Any] = ()) -> list[Tensors]:
        """{group: (n, width)} -> for each split, {input name: vectors}; has a gradient.

        Args:
            rows: in the batch of each split but the last.
        """
        pieces: list[dict[str, Any]] = [{} for _ in range(self._count)]
        for group, width in self._widths.items():
            used = [place for place, shapes in enumerate(self._shapes[group]) if shapes]
            values = [sum(map(prod, self._shapes[group][place].values())) for place in used]
            sizes = [
                rows[place] * (each // width)
                for place, each in zip(used[:-1], values, strict=False)
            ]
            parts = tf.split(flat[group], [*sizes, tf.shape(flat[group])[0] - sum(sizes)])
            for place, each, part in zip(used, values, parts, strict=True):
                pieces[place] |= _cut(tf.reshape(part, [-1, each]), self._shapes[group][place])
        return list(pieces)

    def specs(self) -> dict[str, tf.TensorSpec]:
        """Tensor specs of `flat`: any number of rows, so that no batch size is traced anew."""
        return {
            group: tf.TensorSpec((None, width), tf.float32) for group, width in self._widths.items()
        }


def as_arrays(tensors: Mapping[str, Any]) -> ByGroup:
    """Tensors by group as NumPy arrays."""
    return {group: tensor.numpy() for group, tensor in tensors.items()}


def field_specs(split: Split) -> dict[str, tf.TensorSpec]:
    """Tensor specs of the body's inputs that are fields, with any number of rows."""
    vectors = {lookup.input_name for lookup in split.lookups}
    return {
        x.name: tf.TensorSpec((None, *x.shape[1:]), x.dtype, name=x.name.replace(":", "_"))
        for x in split.body.inputs
        if x.name not in vectors
    }


def _shapes(split: Split, groups: Mapping[str, str], group: str) -> Shapes:
    """The shapes, but for the batch, of the body's inputs of one group; in order of lookup."""
    uses = (use for use in split.lookups if groups[use.table] == group)
    return {use.input_name: tuple(split.body.input[use.input_name].shape[1:]) for use in uses}


def _cut(rows: Any, shapes: Shapes) -> dict[str, Any]:
    """(batch, values) -> {name: (batch, *shape)}, one after the other."""
    parts = tf.split(rows, [prod(shape) for shape in shapes.values()], axis=1)
    return {
        name: tf.reshape(part, [-1, *shape])
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }
