"""Graph rewrite: what all items of a list share is computed once.

In the graph of a network whose shared inputs have one row, an operation runs on that one row for as
long as all it is given is shared. Where shared values x_s and those of each item x_i meet in a
concatenation, the first linear map takes them apart again,

    W [x_s; x_i] = W_s x_s + W_i x_i

so that W_s x_s, most of the product where users have more features than items, is one row as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from models.layers.cross import Cross


@dataclass(frozen=True)
class _SharedConcatenation:
    """A concatenation of shared columns and others.

    Args:
        whole: (rows, width).
        shared: (1, width), zeros in the columns of `own`.
        own: (rows, columns that each row has for itself).
        columns: where those stand in `whole`.
    """

    whole: Any
    shared: Any
    own: Any
    columns: np.ndarray


class SharedRowRewrite:
    """Changes the operations of one network (`models.split.run_through`), while it is traced."""

    def __init__(self) -> None:
        self._joined: dict[int, _SharedConcatenation] = {}  # by the identity of `whole`

    def __call__(self, operation: keras.Operation) -> Callable[..., Any]:
        """Replacement of `operation`."""
        match operation:
            case keras.layers.Concatenate():
                return lambda parts: self._concatenated(operation, parts)
            case keras.layers.Dense():
                return lambda x: self._dense(operation, x)
            case Cross():
                return lambda x0, x: self._cross(operation, *_spread([x0, x]))
            case _:
                return lambda *given, **options: operation(*_spread(given), **_spread(options))

    def _concatenated(self, operation: keras.layers.Concatenate, parts: list[Any]) -> Any:
        spread = _spread(parts)
        whole = operation(spread)
        own = [old is new for old, new in zip(parts, spread, strict=True)]
        if all(own) or len(whole.shape) != 2:
            return whole
        pairs = list(zip(parts, own, strict=True))
        is_own = np.concatenate([np.full(part.shape[1], flag) for part, flag in pairs])
        self._joined[id(whole)] = _SharedConcatenation(
            whole=whole,
            shared=tf.concat([tf.zeros([1, p.shape[1]]) if flag else p for p, flag in pairs], 1),
            own=tf.concat([part for part, flag in pairs if flag], 1),
            columns=np.flatnonzero(is_own),
        )
        return whole

    def _dense(self, layer: keras.layers.Dense, x: Any) -> Any:
        joined = self._joined.get(id(x))
        if joined is None:
            return layer(x)
        own = ops.matmul(joined.own, ops.take(layer.kernel, joined.columns, axis=0))
        y = own + ops.matmul(joined.shared, layer.kernel)
        return layer.activation(y if layer.bias is None else y + layer.bias)

    def _cross(self, layer: Cross, x0: Any, x: Any) -> Any:
        if layer.down is None:
            return x0 * self._dense(layer.kernel, x) + x
        return x0 * layer.kernel(self._dense(layer.down, x)) + x


def _spread(given: Any) -> Any:
    """The same structure; where a tensor in it has a row for each item, all of them have."""
    tensors = [x for x in tf.nest.flatten(given) if tf.is_tensor(x)]
    rows = next((tf.shape(x)[0] for x in tensors if x.shape.rank and x.shape[0] is None), None)

    def spread(x: Any) -> Any:
        if rows is None or not tf.is_tensor(x) or x.shape.rank == 0 or x.shape[0] != 1:
            return x
        return tf.repeat(x, rows, axis=0)

    return tf.nest.map_structure(spread, given)
