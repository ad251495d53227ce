"""Weights of a network as named arrays, and back: how they travel in a snapshot.

A name is the place of the weight in the network and the path that Keras gives it,
`0003:deep_0/kernel`. Only the place counts when arrays are put back: the same builder with the same
fields makes the same weights in the same order, whatever else the process has built before.
"""

from collections.abc import Mapping

import keras
import numpy as np

from millstream.errors import ConfigurationError


def weight_arrays(model: keras.Model) -> dict[str, np.ndarray]:
    """Every variable of `model` (seeds of dropout included) as a copy, by name."""
    return {
        f"{place:04d}:{variable.path}": keras.ops.convert_to_numpy(variable).copy()
        for place, variable in enumerate(model.variables)
    }


def assign_weights(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Put the arrays of `weight_arrays` into a network that the same builder made.

    Raises:
        ConfigurationError: the number of weights or a shape does not fit.
    """
    variables = model.variables
    if len(arrays) != len(variables):
        raise ConfigurationError(
            f"`arrays` must hold the {len(variables)} weights of {model.name!r}. "
            f"Received: {len(arrays)}."
        )
    for variable, (name, array) in zip(variables, sorted(arrays.items()), strict=True):
        if tuple(variable.shape) != array.shape:
            raise ConfigurationError(
                f"Weight {name!r} of {model.name!r} must have shape {tuple(variable.shape)}. "
                f"Received: {array.shape}."
            )
        variable.assign(array)
