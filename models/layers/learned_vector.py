"""A vector that no input decides."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class LearnedVector(keras.layers.Layer):
    """The same learnt vector for every row.

    Args:
        width: of the vector.

    Input: (batch, any width), for the number of rows alone; output: (batch, width).
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.vector = self.add_weight(
            shape=(1, self.width), initializer="random_normal", name="vector"
        )

    def call(self, rows: Any) -> Any:
        return ops.zeros_like(rows[:, :1]) + self.vector

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}
