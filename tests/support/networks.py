"""What a check of a network against its paper needs: rows, random weights, looked-up vectors."""

from typing import Any

import keras
import numpy as np

from models.fields import Field

FIELDS = (
    Field("user_id", width=4, rows=9),
    Field("recent", width=4, rows=9, length=3, shared_with="item_id"),
    Field("item_id", width=4, rows=9),
    Field("age", "float"),
    Field("shape", "float", width=2),
)
ROWS = {
    "user_id": np.array([1, 2, 0]),
    "recent": np.array([[3, 4, 0], [5, 0, 0], [0, 0, 0]]),
    "item_id": np.array([3, 6, 8]),
    "age": np.array([0.5, -1.0, 2.0], np.float32),
    "shape": np.array([[1.0, 2.0], [0.5, -1.0], [-0.3, 0.2]], np.float32),
}
Weights = dict[str, np.ndarray]


def with_random_weights(network: Any, scale: float = 0.5) -> Weights:
    """Draw every weight of a network or layer; by path, without the name of a single layer."""
    rng = np.random.default_rng(1)
    for weight in network.weights:
        weight.assign(rng.normal(size=weight.shape) * scale)
    is_layer = not isinstance(network, keras.Model)
    return {w.path.split("/", is_layer)[-1]: keras.ops.convert_to_numpy(w) for w in network.weights}


def columns(w: Weights) -> list[np.ndarray]:
    """Each field: ids looked up, lists pooled by mean, numbers as they are."""
    return [_rows_of(w, f, "embedding") if f.is_id else _numbers(f) for f in FIELDS]


def vectors(w: Weights) -> list[np.ndarray]:
    """Each field as a vector of one width: V x for numbers."""
    return [
        _rows_of(w, f, "embedding") if f.is_id else _numbers(f) @ w[f"vector.{f.name}/kernel"]
        for f in FIELDS
    ]


def first_order(w: Weights) -> np.ndarray:
    """sum_i w_i x_i."""
    terms = [
        _rows_of(w, f, "linear") if f.is_id else _numbers(f) @ w[f"linear.{f.name}/kernel"]
        for f in FIELDS
    ]
    return np.sum(terms, axis=0)


def mlp(w: Weights, x: np.ndarray, name: str, layers: int = 2) -> np.ndarray:
    """max(0, x W + b), `layers` times."""
    for i in range(layers):
        x = np.maximum(x @ w[f"{name}_{i}/kernel"] + w[f"{name}_{i}/bias"], 0.0)
    return x


def _rows_of(w: Weights, field: Field, role: str) -> np.ndarray:
    table = w[f"{role}.{field.table}/embeddings"]
    pooled = []
    for ids in np.reshape(ROWS[field.name], (3, -1)):
        there = [table[i] for i in ids if i]
        pooled.append(np.mean(there, axis=0) if there else np.zeros(table.shape[1]))
    return np.array(pooled)


def _numbers(field: Field) -> np.ndarray:
    return np.reshape(ROWS[field.name], (3, -1))
