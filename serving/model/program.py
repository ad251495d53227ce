"""A network compiled once: weights and embedding vectors are its arguments.

A new snapshot brings new numbers and not a new graph, so swapping it in traces and compiles
nothing. What belongs to the user or to the moment comes as one row and is repeated inside of the
graph for every item: it is looked up and copied once for a list of 500.
"""

from collections.abc import Iterable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from models.split import Lookup, split
from serving.model.table import Table

Weights = tuple[tf.Tensor, ...]
Inputs = Mapping[str, np.ndarray]


class Program:
    """One network for every version of its weights.

    Args:
        network: a functional model, as `models` builds them.
        shared: its inputs that come as one row for all items; those it lacks are left out.
    """

    def __init__(self, network: keras.Model, shared: Iterable[str]) -> None:
        parts = split(network)
        self.tables = parts.tables
        self._body = parts.body
        self._lookups = parts.lookups
        self._names = [*network.input]
        self._shared = frozenset(shared) & frozenset(self._names)
        self._width = {look.input_name: parts.tables[look.table].width for look in self._lookups}
        self._function = tf.function(self._call, input_signature=self._signature())

    @property
    def variables(self) -> list[keras.Variable]:
        """The dense weights: trainable ones first."""
        return [*self._body.trainable_variables, *self._body.non_trainable_variables]

    def weights(self, arrays: Sequence[np.ndarray]) -> Weights:
        """The arrays of one snapshot, in the order of `variables`, as tensors.

        Raises:
            ValueError: a shape differs from its variable's.
        """
        for variable, array in zip(self.variables, arrays, strict=True):
            if tuple(variable.shape) != array.shape:
                raise ValueError(
                    f"`{variable.path}` must have shape {tuple(variable.shape)}. "
                    f"Received: {array.shape}."
                )
        pairs = zip(self.variables, arrays, strict=True)
        return tuple(tf.constant(array, dtype=variable.dtype) for variable, array in pairs)

    def __call__(
        self, weights: Weights, tables: Mapping[str, Table], inputs: Inputs
    ) -> np.ndarray:
        """The network's output, float32.

        Args:
            weights: from `weights`.
            tables: embedding rows by table name.
            inputs: by name, shared ones with one row; inputs that the network lacks are ignored.
        """
        own = {name: inputs[name] for name in self._names}
        for look in self._lookups:
            own[look.input_name] = tables[look.table].lookup(own[look.field])
        shared = {name: x for name, x in own.items() if self._is_shared(name)}
        rows = {name: x for name, x in own.items() if not self._is_shared(name)}
        return self._function(weights, shared, rows).numpy()

    def _is_shared(self, name: str) -> bool:
        return name.partition(":")[0] in self._shared

    def _call(self, weights: Weights, shared: dict[str, tf.Tensor], rows: dict[str, tf.Tensor]):
        count = tf.shape(next(iter(rows.values())))[0] if rows else 1
        repeated = {name: tf.repeat(x, count, axis=0) for name, x in shared.items()}
        trainable = len(self._body.trainable_variables)
        output, _ = self._body.stateless_call(
            weights[:trainable], weights[trainable:], {**repeated, **rows}, training=False
        )
        return output

    def _signature(self) -> tuple[Weights, dict[str, tf.TensorSpec], dict[str, tf.TensorSpec]]:
        weights = tuple(tf.TensorSpec(v.shape, v.dtype, v.path) for v in self.variables)
        shared, rows = {}, {}
        for name, x in self._body.input.items():
            one = self._is_shared(name)
            spec = tf.TensorSpec([1 if one else None, *x.shape[1:]], x.dtype, name)
            (shared if one else rows)[name] = spec
        return weights, shared, rows
