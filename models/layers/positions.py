"""Learnt positions in a history, counted from its newest entry."""

from typing import Any

import keras
from keras import ops

from models.layers.masked import mask_of


@keras.saving.register_keras_serializable("millstream")
class Positions(keras.layers.Layer):
    """scale x_k + p_k for each entry k, k = 0 the newest; padding becomes 0.

    Entries past the last of `positions` share it.

    Args:
        positions: that are told apart.
        scale: of the vectors.

    Input: x (batch, length, width), newest entry first; seen (batch, length), not 0 where there is
    an entry; output: (batch, length, width).
    """

    def __init__(self, positions: int = 200, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.positions, self.scale = positions, scale

    def build(self, x_shape: tuple[Any, ...], seen_shape: tuple[Any, ...]) -> None:
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        shape = (self.positions, x_shape[-1])
        self.encoding = self.add_weight(shape=shape, initializer=initializer, name="encoding")

    def call(self, x: Any, seen: Any) -> Any:
        places = ops.minimum(ops.arange(ops.shape(x)[1]), self.positions - 1)
        encoded = self.scale * x + ops.take(self.encoding, places, axis=0)
        return encoded * mask_of(seen, x.dtype)[..., None]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "positions": self.positions, "scale": self.scale}
