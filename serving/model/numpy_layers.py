"""The common layers as steps in NumPy (`numpy_steps.py`).

Each function takes a layer, and a function that tells where a variable stands among the weights. It
gives `run(weights, *inputs)`, or None where the layer has a setting that is not known there.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from models.layers.bias import Bias
from models.layers.cross import Cross
from models.layers.fm import FactorisationMachine
from models.layers.l2_normalise import L2Normalise
from models.layers.pooling import MaskedMean
from serving.model import numpy_steps
from serving.model.shared_columns import Value

Place = Callable[[keras.Variable], int]
LayerFunction = Callable[..., Value]

_ACTIVATIONS: dict[Any, str] = {
    getattr(keras.activations, name): name for name in numpy_steps.ACTIVATIONS
}


def _dense(layer: keras.layers.Dense, place: Place) -> LayerFunction | None:
    activation = _ACTIVATIONS.get(layer.activation)
    if activation is None:
        return None
    bias = None if layer.bias is None else place(layer.bias)
    kernel = place(layer.kernel)
    return partial(numpy_steps.dense, kernel=kernel, bias=bias, activation=activation)


def _cross(layer: Cross, place: Place) -> LayerFunction:
    kernel, bias = place(layer.kernel.kernel), place(layer.kernel.bias)
    down = None if layer.down is None else place(layer.down.kernel)
    return partial(numpy_steps.cross, kernel=kernel, bias=bias, down=down)


def _concatenate(layer: keras.layers.Concatenate, place: Place) -> LayerFunction | None:
    return numpy_steps.joined if layer.axis == -1 else None


def _masked_mean(layer: MaskedMean, place: Place) -> LayerFunction:
    return numpy_steps.masked_mean


def _l2_normalise(layer: L2Normalise, place: Place) -> LayerFunction:
    return partial(numpy_steps.l2_normalised, epsilon=layer.epsilon)


def _factorisation_machine(layer: FactorisationMachine, place: Place) -> LayerFunction:
    return numpy_steps.factorised


def _reshape(layer: keras.layers.Reshape, place: Place) -> LayerFunction:
    return partial(numpy_steps.reshaped, shape=tuple(layer.target_shape))


def _bias(layer: Bias, place: Place) -> LayerFunction:
    return partial(numpy_steps.biased, bias=place(layer.bias))


def _add(layer: keras.layers.Add, place: Place) -> LayerFunction:
    return numpy_steps.added


def _dropout(layer: keras.layers.Dropout, place: Place) -> LayerFunction:
    return numpy_steps.unchanged


NUMPY_LAYERS: dict[type, Callable[[Any, Place], LayerFunction | None]] = {
    Bias: _bias,
    Cross: _cross,
    FactorisationMachine: _factorisation_machine,
    L2Normalise: _l2_normalise,
    MaskedMean: _masked_mean,
    keras.layers.Add: _add,
    keras.layers.Concatenate: _concatenate,
    keras.layers.Dense: _dense,
    keras.layers.Dropout: _dropout,
    keras.layers.Reshape: _reshape,
}
