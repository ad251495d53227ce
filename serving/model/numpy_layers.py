"""The common layers in NumPy.

Each function takes a layer, and a function that tells where a variable stands among the weights. It
gives `run(weights, *inputs)`, or None where the layer has a setting that is not known here. An
input that all items share has one row and is broadcast.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import keras
import numpy as np

from models.layers.bias import Bias
from models.layers.cross import Cross
from models.layers.fm import FactorisationMachine
from models.layers.l2_normalise import L2Normalise
from models.layers.pooling import MaskedMean
from serving.model.shared_columns import Value, concatenate, crossed, linear, whole

Weights = Sequence[np.ndarray]
Place = Callable[[keras.Variable], int]
LayerFunction = Callable[..., Value]

_ACTIVATIONS: dict[Any, Callable[[np.ndarray], np.ndarray]] = {
    keras.activations.linear: lambda x: x,
    keras.activations.relu: lambda x: np.maximum(x, 0.0, out=x),
    keras.activations.tanh: lambda x: np.tanh(x, out=x),
}


def _dense(layer: keras.layers.Dense, place: Place) -> LayerFunction | None:
    activation = _ACTIVATIONS.get(layer.activation)
    if activation is None:
        return None
    kernel = place(layer.kernel)
    if layer.bias is None:
        return lambda weights, x: activation(linear(x, weights[kernel]))
    bias = place(layer.bias)
    return lambda weights, x: activation(linear(x, weights[kernel], weights[bias]))


def _cross(layer: Cross, place: Place) -> LayerFunction:
    kernel, bias = place(layer.kernel.kernel), place(layer.kernel.bias)
    if layer.down is None:
        return lambda weights, x0, x: crossed(x0, x, x, weights[kernel], weights[bias])
    down = place(layer.down.kernel)

    def run(weights: Weights, x0: Value, x: Value) -> Value:
        projected = linear(x, weights[down])
        return crossed(x0, x, projected, weights[kernel], weights[bias])

    return run


def _concatenate(layer: keras.layers.Concatenate, place: Place) -> LayerFunction | None:
    if layer.axis != -1:
        return None
    return lambda weights, *parts: concatenate(parts)


def _masked_mean(layer: MaskedMean, place: Place) -> LayerFunction:
    def run(weights: Weights, vectors: np.ndarray, ids: np.ndarray) -> np.ndarray:
        mask = (ids != 0).astype(vectors.dtype)
        total = np.einsum("...lw,...l->...w", vectors, mask)
        total /= np.maximum(mask.sum(-1, keepdims=True), 1.0)
        return total

    return run


def _l2_normalise(layer: L2Normalise, place: Place) -> LayerFunction:
    def run(weights: Weights, x: Value) -> np.ndarray:
        x = whole(x)
        squares = np.square(x).sum(-1, keepdims=True)
        return x / np.sqrt(np.maximum(squares, layer.epsilon))

    return run


def _factorisation_machine(layer: FactorisationMachine, place: Place) -> LayerFunction:
    def run(weights: Weights, *vectors: np.ndarray) -> np.ndarray:
        crossed = np.square(_sum(vectors)) - _sum([np.square(v) for v in vectors])
        return np.float32(0.5) * crossed.sum(-1, keepdims=True)

    return run


def _reshape(layer: keras.layers.Reshape, place: Place) -> LayerFunction:
    return lambda weights, x: whole(x).reshape(len(whole(x)), *layer.target_shape)


def _bias(layer: Bias, place: Place) -> LayerFunction:
    bias = place(layer.bias)
    return lambda weights, x: whole(x) + weights[bias]


def _add(layer: keras.layers.Add, place: Place) -> LayerFunction:
    return lambda weights, *parts: _sum([whole(part) for part in parts])


def _dropout(layer: keras.layers.Dropout, place: Place) -> LayerFunction:
    return lambda weights, x: x


def _sum(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Shared rows first: they are added up once."""
    return reduce(np.add, sorted(parts, key=len))


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
