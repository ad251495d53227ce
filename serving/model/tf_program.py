"""A network compiled by TensorFlow: runs those with a layer that `numpy_program.py` does not know.

Weights are arguments: a new snapshot brings new numbers and not a new graph, so swapping it in
traces and compiles nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.split import run_through
from serving.model.graph_rewrite import SharedRowRewrite
from serving.model.input_packing import InputPacking, packings


class TfProgram:
    """One network for every version of its weights.

    Args:
        network: a functional model.
        variables: its weights, in the order in which they are given.
        shared: names of inputs that come as one row for all items.
    """

    def __init__(
        self, network: keras.Model, variables: Sequence[keras.Variable], shared: frozenset[str]
    ) -> None:
        self._network = network
        self._variables = variables
        self._shared, self._rows = _sides(network.input.values(), shared)
        signature = self._signature()
        self._function = tf.function(self._call).get_concrete_function(*signature)

    def weights(self, arrays: Iterable[np.ndarray]) -> tuple[Any, ...]:
        """The values of `variables` as `__call__` takes them."""
        pairs = zip(self._variables, arrays, strict=True)
        return tuple(tf.constant(array, dtype=variable.dtype) for variable, array in pairs)

    def __call__(self, weights: Sequence[Any], inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The network's output, float32."""
        count = len(inputs[next(iter(self._rows[0].shapes))]) if self._rows else 1
        packed = [part.packed(inputs, 1) for part in self._shared]
        packed += [part.packed(inputs, count) for part in self._rows]
        return self._run([*weights, *map(tf.constant, packed)])

    def _run(self, arguments: list[Any]) -> np.ndarray:
        # The op that a call of the function ends in. The way there sorts and checks each argument
        # anew; these fit by construction.
        (output,) = tf.raw_ops.PartitionedCall(args=arguments, Tout=[tf.float32], f=self._function)
        return output.numpy()

    def _call(self, weights: Sequence[Any], *packed: tf.Tensor) -> Any:
        given: dict[str, Any] = {}
        for part, whole in zip([*self._shared, *self._rows], packed, strict=True):
            given |= part.unpacked(whole)
        with keras.StatelessScope(state_mapping=zip(self._variables, weights, strict=True)):
            return run_through(self._network, given, SharedRowRewrite())

    def _signature(self) -> list[Any]:
        weights = tuple(tf.TensorSpec(v.shape, v.dtype) for v in self._variables)
        shared = [part.spec(1) for part in self._shared]
        return [weights, *shared, *(part.spec(None) for part in self._rows)]


def _sides(
    tensors: Iterable[Any], shared: frozenset[str]
) -> tuple[list[InputPacking], list[InputPacking]]:
    """How inputs are packed: those that are shared by all rows, and those each row has its own."""
    tensors = list(tensors)
    is_shared = [x.name.partition(":")[0] in shared for x in tensors]
    sides = zip(tensors, is_shared, strict=True)
    once = [x for x, flag in sides if flag]
    return packings(once), packings(x for x in tensors if x not in once)
