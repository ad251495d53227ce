"""Attention by a bilinear form.

References: Zhou et al., AAAI 2019, https://arxiv.org/abs/1809.03672, eq. 12;
Feng et al., IJCAI 2019, https://arxiv.org/abs/1905.06482, eq. 9 and 10.
"""

from typing import Any

import keras
from keras import ops

from models.layers.masked import mask_of, masked_softmax


@keras.saving.register_keras_serializable("millstream")
class Relevance(keras.layers.Layer):
    """a_j = softmax_j(h_j^T W v) over the entries whose id is not 0; padding has 0.

    Input: states h (batch, length, any width), ids (batch, length), target v (batch, any width);
    output: (batch, length).
    """

    def build(
        self,
        states_shape: tuple[Any, ...],
        ids_shape: tuple[Any, ...],
        target_shape: tuple[Any, ...],
    ) -> None:
        self.kernel = self.add_weight(
            shape=(states_shape[-1], target_shape[-1]), initializer="glorot_uniform", name="kernel"
        )

    def call(self, states: Any, ids: Any, target: Any) -> Any:
        wanted = ops.matmul(target, ops.transpose(self.kernel))
        scores = ops.matmul(states, wanted[:, :, None])[..., 0]
        return masked_softmax(scores, mask_of(ids, scores.dtype))
