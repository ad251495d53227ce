"""The interest module of TIN.

Reference: Zhou et al., WWW 2024, https://arxiv.org/abs/2308.08487, section 4.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from models.layers.masked import mask_of, masked_softmax


@keras.saving.register_keras_serializable("millstream")
class TargetAwareAttention(keras.layers.Layer):
    """sum_j a_j (e_j * v), a = softmax_j(<e_j, v> / sqrt(width)), once positions are added to both.

    The target is at position 0, the newest entry at 1; entries past the last of `positions` share
    it. Padding has no part.

    Args:
        positions: that are told apart.

    Input: vectors e (batch, length, width), newest first, ids (batch, length), target v
    (batch, width); output: (batch, width).
    """

    def __init__(self, positions: int = 64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.positions = positions

    def build(
        self,
        vectors_shape: tuple[Any, ...],
        ids_shape: tuple[Any, ...],
        target_shape: tuple[Any, ...],
    ) -> None:
        self.encoding = self.add_weight(
            shape=(self.positions, vectors_shape[-1]), initializer="uniform", name="encoding"
        )

    def call(self, vectors: Any, ids: Any, target: Any) -> Any:
        places = np.minimum(np.arange(1, vectors.shape[1] + 1), self.positions - 1)
        vectors = vectors + ops.take(self.encoding, places, axis=0)
        crossed = vectors * (target + self.encoding[0])[:, None, :]
        scores = ops.sum(crossed, axis=-1) / vectors.shape[-1] ** 0.5
        weights = masked_softmax(scores, mask_of(ids, scores.dtype))
        return ops.matmul(weights[:, None, :], crossed)[:, 0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "positions": self.positions}
