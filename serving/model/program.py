"""A network made ready once: weights and embedding vectors are its arguments.

A new snapshot brings new numbers and not a new network. What belongs to the user or to the moment
comes as one row for a whole list. Networks of common layers run in NumPy (`numpy_program.py`), the
others in TensorFlow (`tf_program.py`). Making one loads Keras; one that runs in NumPy can be
pickled, and needs no framework where it is read.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from millstream.errors import ConfigurationError
from serving.model.embedding_table import EmbeddingTable
from serving.model.numpy_program import NumpyProgram

if TYPE_CHECKING:  # which loads TensorFlow
    import keras

Weights = tuple[Any, ...]
Tables = Mapping[str, EmbeddingTable]
Inputs = Mapping[str, np.ndarray]
Arrays = Mapping[str, np.ndarray]


class Program:
    """One network for every version of its weights.

    Args:
        network: a functional model, as `models` builds them.
        shared: names of inputs that come as one row for all items; those it lacks are ignored.
        owner: the model whose weights a snapshot names; `network` is a part of it, or it itself.

    Attributes:
        tables: that it reads, by name.
        lookups: which ids it looks up in which table.
    """

    def __init__(
        self,
        network: "keras.Model",
        shared: Iterable[str] = (),
        owner: "keras.Model | None" = None,
    ) -> None:
        from models.split import split

        parts = split(network)
        self.tables = parts.tables
        self.lookups = parts.lookups
        self._names = [*network.input]
        variables = [*parts.body.trainable_variables, *parts.body.non_trainable_variables]
        self._shapes = [(variable.path, tuple(variable.shape)) for variable in variables]
        self._owned = _places(owner or network, variables)
        self._owner_size = len((owner or network).variables)
        self._body = NumpyProgram.of(parts.body, variables) or _in_tensorflow(
            parts.body, variables, frozenset(shared)
        )

    @property
    def is_portable(self) -> bool:
        """True if it runs where there is no framework."""
        return isinstance(self._body, NumpyProgram)

    def weights(self, arrays: Arrays) -> Weights:
        """Weights of this network from the owner's `models.weights.weight_arrays`.

        Raises:
            ConfigurationError: the number of weights or a shape does not fit.
        """
        if len(arrays) != self._owner_size:
            raise ConfigurationError(
                f"`arrays` must hold {self._owner_size} weights. Received: {len(arrays)}."
            )
        ordered = [array for _, array in sorted(arrays.items())]
        own = [ordered[at] for at in self._owned]
        for (path, shape), array in zip(self._shapes, own, strict=True):
            if shape != array.shape:
                raise ConfigurationError(
                    f"Weight {path!r} must have shape {shape}. Received: {array.shape}."
                )
        return self._body.weights(own)

    def __call__(self, weights: Weights, tables: Tables, inputs: Inputs) -> np.ndarray:
        """The network's output, float32; one row an item, or one row where all is shared.

        Args:
            weights: from `weights`.
            tables: embedding rows by table name.
            inputs: by name, shared ones with one row; inputs that the network lacks are ignored.
        """
        own = {name: inputs[name] for name in self._names}
        for look in self.lookups:
            own[look.input_name] = tables[look.table].lookup(own[look.field])
        return self._body(weights, own)


def _in_tensorflow(
    body: "keras.Model", variables: "list[keras.Variable]", shared: frozenset[str]
) -> Any:
    from serving.model.tf_program import TfProgram

    return TfProgram(body, variables, shared)


def _places(owner: "keras.Model", variables: "list[keras.Variable]") -> list[int]:
    """Place of each variable in the owner's own order."""
    place = {id(variable): at for at, variable in enumerate(owner.variables)}
    return [place[id(variable)] for variable in variables]
