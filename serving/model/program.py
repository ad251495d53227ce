"""A network compiled once: weights and embedding vectors are its arguments.

A new snapshot brings new numbers and not a new graph, so swapping it in traces and compiles
nothing. What belongs to the user or to the moment comes as one row and is repeated inside of the
graph for every item: it is looked up and copied once for a list of 500.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from millstream.errors import ConfigurationError
from models.split import split
from serving.model.table import Table

T = TypeVar("T")
Weights = tuple[tf.Tensor, ...]
Tables = Mapping[str, Table]
Inputs = Mapping[str, np.ndarray]
Arrays = Mapping[str, np.ndarray]


class Program:
    """One network for every version of its weights.

    Args:
        network: a functional model, as `models` builds them.
        shared: names of inputs that come as one row for all items; those it lacks are ignored.
        owner: the model whose weights a snapshot names; `network` is a part of it, or it itself.
    """

    def __init__(
        self, network: keras.Model, shared: Iterable[str] = (), owner: keras.Model | None = None
    ) -> None:
        parts = split(network)
        self.tables = parts.tables
        self._body = parts.body
        self._lookups = parts.lookups
        self._names = [*network.input]
        self._shared = frozenset(shared)
        self._variables = [*self._body.trainable_variables, *self._body.non_trainable_variables]
        self._owned = _places(owner or network, self._variables)
        self._owner_size = len((owner or network).variables)
        signature = self._signature()
        self._function = tf.function(self._call).get_concrete_function(*signature)

    def weights(self, arrays: Arrays) -> Weights:
        """What `models.weights.weight_arrays` made of the owner, as tensors for this network.

        Raises:
            ConfigurationError: the number of weights or a shape does not fit.
        """
        if len(arrays) != self._owner_size:
            raise ConfigurationError(
                f"`arrays` must hold {self._owner_size} weights. Received: {len(arrays)}."
            )
        ordered = [array for _, array in sorted(arrays.items())]
        pairs = [(v, ordered[at]) for v, at in zip(self._variables, self._owned, strict=True)]
        for variable, array in pairs:
            if tuple(variable.shape) != array.shape:
                raise ConfigurationError(
                    f"Weight {variable.path!r} must have shape {tuple(variable.shape)}. "
                    f"Received: {array.shape}."
                )
        return tuple(tf.constant(array, dtype=variable.dtype) for variable, array in pairs)

    def __call__(self, weights: Weights, tables: Tables, inputs: Inputs) -> np.ndarray:
        """The network's output, float32; one row an item, or one row where all is shared.

        Args:
            weights: from `weights`.
            tables: embedding rows by table name.
            inputs: by name, shared ones with one row; inputs that the network lacks are ignored.
        """
        own = {name: inputs[name] for name in self._names}
        for look in self._lookups:
            own[look.input_name] = tables[look.table].lookup(own[look.field])
        tensors = {name: tf.constant(x) for name, x in own.items()}
        return self._run((weights, *self._sides(tensors)))

    def _run(self, arguments: tuple[Any, ...]) -> np.ndarray:
        # The op that a call of the function ends in. The way there sorts and checks each of some
        # fifty arguments anew, which takes a millisecond; these fit by construction.
        (output,) = tf.raw_ops.PartitionedCall(
            args=tf.nest.flatten(arguments), Tout=[tf.float32], f=self._function
        )
        return output.numpy()

    def _sides(self, by_name: Mapping[str, T]) -> tuple[dict[str, T], dict[str, T]]:
        """What is shared by all rows, and what each row has of its own."""
        shared = {name: x for name, x in by_name.items() if self._is_shared(name)}
        rows = {name: x for name, x in by_name.items() if not self._is_shared(name)}
        return shared, rows

    def _is_shared(self, name: str) -> bool:
        return name.partition(":")[0] in self._shared

    def _call(
        self, weights: Weights, shared: dict[str, tf.Tensor], rows: dict[str, tf.Tensor]
    ) -> Any:
        count = tf.shape(next(iter(rows.values())))[:1] if rows else tf.constant([1])
        repeated = {
            name: tf.broadcast_to(x, tf.concat([count, x.shape[1:]], axis=0))
            for name, x in shared.items()
        }
        trainable = len(self._body.trainable_variables)
        output, _ = self._body.stateless_call(
            weights[:trainable], weights[trainable:], {**repeated, **rows}, training=False
        )
        return output

    def _signature(self) -> tuple[Weights, dict[str, tf.TensorSpec], dict[str, tf.TensorSpec]]:
        weights = tuple(tf.TensorSpec(v.shape, v.dtype) for v in self._variables)
        shared, rows = self._sides(self._body.input)
        return weights, _specs(shared, 1), _specs(rows, None)


def _specs(tensors: Mapping[str, Any], count: int | None) -> dict[str, tf.TensorSpec]:
    return {name: tf.TensorSpec([count, *x.shape[1:]], x.dtype) for name, x in tensors.items()}


def _places(owner: keras.Model, variables: list[keras.Variable]) -> list[int]:
    """Where each variable stands in the owner's own order."""
    place = {id(variable): at for at, variable in enumerate(owner.variables)}
    return [place[id(variable)] for variable in variables]
