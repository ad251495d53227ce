"""The interests behind a list of behaviours, taught by what came next.

Reference: Zhou et al., AAAI 2019, https://arxiv.org/abs/1809.03672, section 4.2, eq. 6.
"""

from typing import Any

import keras
from keras import ops

from models.layers.augru import AUGRU


@keras.saving.register_keras_serializable("millstream")
class InterestExtractor(keras.layers.Layer):
    """The states h_t of a GRU over the list. In training it adds the auxiliary loss

    -alpha / rows * sum_t [log sigmoid(<h_t, e_{t+1}>) + log(1 - sigmoid(<h_t, n_{t+1}>))].

    n_{t+1} is what another row of the batch, half a batch away, has in the place of e_{t+1}. A step
    without a next entry, or whose n_{t+1} is padding or the same id, has no part in the sum: a
    batch of one row has the loss 0.

    Args:
        alpha: weight of the auxiliary loss.

    Input: vectors (batch, length, width), newest entry first, and ids (batch, length);
    output: (batch, length, width).
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def build(self, vectors_shape: tuple[Any, ...], ids_shape: tuple[Any, ...]) -> None:
        self.gru = AUGRU(name="gru")
        self.gru.build(vectors_shape, ids_shape)

    def call(self, vectors: Any, ids: Any, training: bool | None = None) -> Any:
        states = self.gru(vectors, ids)
        if training and self.alpha:
            self.add_loss(self.alpha * self._auxiliary(states, vectors, ids))
        return states

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}

    def _auxiliary(self, states: Any, vectors: Any, ids: Any) -> Any:
        now, following, taken = states[:, 1:], vectors[:, :-1], ids[:, :-1]
        half = ops.shape(ids)[0] // 2
        other, not_taken = ops.roll(following, half, axis=0), ops.roll(taken, half, axis=0)
        counts = (ids[:, 1:] != 0) & (taken != 0) & (not_taken != 0) & (not_taken != taken)
        loss = ops.softplus(-ops.sum(now * following, -1)) + ops.softplus(ops.sum(now * other, -1))
        return ops.mean(ops.sum(ops.cast(counts, loss.dtype) * loss, axis=-1))
