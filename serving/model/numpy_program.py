"""A network as a list of NumPy steps: runs those whose layers are all common ones.

For the 500 rows of a list a call into TensorFlow costs about as much as the arithmetic: each
operation has its price, inputs are copied in, and its own code drives Python's out of the caches.
A program that was recorded needs no framework: it can be pickled and run where there is none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from serving.model.shared_columns import Value, whole

if TYPE_CHECKING:  # which loads TensorFlow
    import keras


@dataclass(frozen=True)
class _Slot:
    """The place of a value during a run."""

    at: int


@dataclass(frozen=True)
class _Step:
    run: Callable[..., Value]
    inputs: tuple[int, ...]
    output: int


class NumpyProgram:
    """One network for every version of its weights.

    Args:
        network: a functional model.
        variables: its weights, in the order in which they are given.

    Raises:
        LookupError: a layer, or a setting of one, has no NumPy form.
    """

    def __init__(self, network: "keras.Model", variables: "Sequence[keras.Variable]") -> None:
        from models.split import run_through

        places = {id(variable): at for at, variable in enumerate(variables)}
        self._inputs = [(x.name, np.dtype(x.dtype)) for x in network.input.values()]
        self._steps: list[_Step] = []
        slots = {name: _Slot(at) for at, (name, _) in enumerate(self._inputs)}
        self._output: _Slot = run_through(network, slots, partial(self._recorded, places))

    @classmethod
    def of(cls, network: "keras.Model", variables: "Sequence[keras.Variable]") -> Self | None:
        """The program of a network, or None where a layer has no NumPy form."""
        try:
            return cls(network, variables)
        except LookupError:
            return None

    def weights(self, arrays: Iterable[np.ndarray]) -> tuple[np.ndarray, ...]:
        """The values of `variables` as `__call__` takes them."""
        return tuple(np.ascontiguousarray(array, np.float32) for array in arrays)

    def __call__(
        self, weights: Sequence[np.ndarray], inputs: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """The network's output, float32; an input with one row stands for all rows."""
        values: list[Value] = [
            inputs[name].astype(dtype, copy=False) for name, dtype in self._inputs
        ]
        for step in self._steps:
            values.append(step.run(weights, *[values[at] for at in step.inputs]))
        return whole(values[self._output.at])

    def _recorded(
        self, places: Mapping[int, int], operation: "keras.Operation"
    ) -> Callable[..., _Slot]:
        from serving.model.numpy_layers import NUMPY_LAYERS

        make = NUMPY_LAYERS.get(type(operation))
        run = make(operation, lambda variable: places[id(variable)]) if make else None
        if run is None:
            raise LookupError(f"{operation} has no NumPy form.")

        def record(*given: Any, training: bool = False) -> _Slot:
            slots = given[0] if isinstance(given[0], list) else given
            at = len(self._inputs) + len(self._steps)
            self._steps.append(_Step(run, tuple(slot.at for slot in slots), at))
            return _Slot(at)

        return record
