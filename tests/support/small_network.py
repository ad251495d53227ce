"""Two rows of every kind of field, and a network of them with random weights."""

import keras
import numpy as np

from tests.support.networks import FIELDS

__all__ = ["FIELDS", "ROWS", "field_vectors", "first_order", "randomised"]

ROWS = {
    "user_id": np.array([1, 2]),
    "recent": np.array([[3, 4, 0], [5, 0, 0]]),
    "item_id": np.array([3, 6]),
    "age": np.array([0.5, -1.0], np.float32),
    "shape": np.array([[1.0, 2.0], [0.5, -1.0]], np.float32),
}


def randomised(model: keras.Model | keras.Layer) -> dict[str, np.ndarray]:
    """Draw every weight anew; the values by path."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    return {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}


def field_vectors(w: dict[str, np.ndarray], ids: str = "embedding", floats: str = "vector"):
    """x_i v_i of every field, each (2, width), by the definition: a list has the mean of its rows.

    Args:
        w: weights by path.
        ids: the role of the tables.
        floats: what the layers of the floats are called.
    """
    user, item = (w[f"{ids}.{table}/embeddings"] for table in ("user_id", "item_id"))
    entries = [[item[i] for i in row if i] for row in ROWS["recent"]]
    return [
        np.stack([user[i] for i in ROWS["user_id"]]),
        np.stack([sum(rows) / len(rows) for rows in entries]),
        np.stack([item[i] for i in ROWS["item_id"]]),
        ROWS["age"][:, None] @ w[f"{floats}.age/kernel"],
        ROWS["shape"] @ w[f"{floats}.shape/kernel"],
    ]


def first_order(w: dict[str, np.ndarray]) -> np.ndarray:
    """sum_i w_i x_i, (2,)."""
    return sum(field_vectors(w, "linear", "linear"))[:, 0]
