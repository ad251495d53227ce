"""A network compiled once: weights and embedding vectors are its arguments.

A new snapshot brings new numbers and not a new graph, so swapping it in traces and compiles
nothing. What belongs to the user or to the moment comes as one row for a whole list
(`sharing.py`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from millstream.errors import ConfigurationError
from models.split import run_through, split
from serving.model.packing import Packing, packings
from serving.model.sharing import Sharing
from serving.model.table import Table

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
        self._shared, self._rows = _sides(self._body.input.values(), frozenset(shared))
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
        count = len(own[next(iter(self._rows[0].shapes))]) if self._rows else 1
        packed = [part.packed(own, 1) for part in self._shared]
        packed += [part.packed(own, count) for part in self._rows]
        return self._run([*weights, *map(tf.constant, packed)])

    def _run(self, arguments: list[Any]) -> np.ndarray:
        # The op that a call of the function ends in. The way there sorts and checks each argument
        # anew; these fit by construction.
        (output,) = tf.raw_ops.PartitionedCall(args=arguments, Tout=[tf.float32], f=self._function)
        return output.numpy()

    def _call(self, weights: Weights, *packed: tf.Tensor) -> Any:
        given: dict[str, Any] = {}
        for part, whole in zip([*self._shared, *self._rows], packed, strict=True):
            given |= part.unpacked(whole)
        with keras.StatelessScope(state_mapping=zip(self._variables, weights, strict=True)):
            return run_through(self._body, given, Sharing())

    def _signature(self) -> list[Any]:
        weights = tuple(tf.TensorSpec(v.shape, v.dtype) for v in self._variables)
        shared = [part.spec(1) for part in self._shared]
        return [weights, *shared, *(part.spec(None) for part in self._rows)]


def _sides(tensors: Iterable[Any], shared: frozenset[str]) -> tuple[list[Packing], list[Packing]]:
    """How inputs are packed: those that are shared by all rows, and those each row has its own."""
    tensors = list(tensors)
    is_shared = [x.name.partition(":")[0] in shared for x in tensors]
    sides = zip(tensors, is_shared, strict=True)
    once = [x for x, flag in sides if flag]
    return packings(once), packings(x for x in tensors if x not in once)


def _places(owner: keras.Model, variables: list[keras.Variable]) -> list[int]:
    """Where each variable stands in the owner's own order."""
    place = {id(variable): at for at, variable in enumerate(owner.variables)}
    return [place[id(variable)] for variable in variables]
