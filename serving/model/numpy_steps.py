"""What the common layers compute, in NumPy; it loads no framework, and can be pickled.

Each function takes the weights, the layer's inputs, and where its variables stand among the weights
or how it is set. An input that all items share has one row and is broadcast.
"""

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

from serving.model.shared_columns import Value, concatenate, crossed, linear, whole

Weights = Sequence[np.ndarray]


def _linear(x: np.ndarray) -> np.ndarray:
    return x


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0, out=x)


def _tanh(x: np.ndarray) -> np.ndarray:
    return np.tanh(x, out=x)


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": _linear,
    "relu": _relu,
    "tanh": _tanh,
}


def dense(weights: Weights, x: Value, *, kernel: int, bias: int | None, activation: str) -> Value:
    """activation(x W + b)."""
    offset = None if bias is None else weights[bias]
    return ACTIVATIONS[activation](linear(x, weights[kernel], offset))


def cross(
    weights: Weights, x0: Value, x: Value, *, kernel: int, bias: int, down: int | None
) -> Value:
    """x_0 * (x W + b) + x, where W may be of low rank."""
    projected = x if down is None else linear(x, weights[down])
    return crossed(x0, x, projected, weights[kernel], weights[bias])


def joined(weights: Weights, *parts: Value) -> Value:
    """The parts side by side."""
    return concatenate(parts)


def masked_mean(weights: Weights, vectors: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The mean of the vectors whose ids are not 0."""
    mask = (ids != 0).astype(vectors.dtype)
    total: np.ndarray = np.einsum("...lw,...l->...w", vectors, mask)
    total /= np.maximum(mask.sum(-1, keepdims=True), 1.0)
    return total


def l2_normalised(weights: Weights, x: Value, *, epsilon: float) -> np.ndarray:
    """X / |x|."""
    x = whole(x)
    squares = np.square(x).sum(-1, keepdims=True)
    normalised: np.ndarray = x / np.sqrt(np.maximum(squares, epsilon))
    return normalised


def factorised(weights: Weights, *vectors: np.ndarray) -> np.ndarray:
    """((sum v)^2 - sum v^2) / 2, summed over the width."""
    pairs = np.square(_sum(vectors)) - _sum([np.square(v) for v in vectors])
    found: np.ndarray = np.float32(0.5) * pairs.sum(-1, keepdims=True)
    return found


def reshaped(weights: Weights, x: Value, *, shape: tuple[int, ...]) -> np.ndarray:
    """Each row in another shape."""
    rows = whole(x)
    return rows.reshape(len(rows), *shape)


def biased(weights: Weights, x: Value, *, bias: int) -> np.ndarray:
    """X + b."""
    found: np.ndarray = whole(x) + weights[bias]
    return found


def added(weights: Weights, *parts: Value) -> np.ndarray:
    """The sum of the parts."""
    return _sum([whole(part) for part in parts])


def unchanged(weights: Weights, x: Value) -> Value:
    """X."""
    return x


def _sum(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Shared rows first: they are added up once."""
    return reduce(np.add, sorted(parts, key=len))
