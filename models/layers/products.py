"""Products of pairs of fields as in product-based networks: those that no other network takes.

References: Qu et al., ICDM 2016, https://arxiv.org/abs/1611.00144, section III (outer);
Qu et al., TOIS 2018, https://arxiv.org/abs/1807.00311, section 4 (micro networks).
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from millstream.errors import ConfigurationError
from models.layers.initialisers import glorot_each
from models.layers.pairs import pair_places, pairs_of
from models.layers.stacked import stacked


@keras.saving.register_keras_serializable("millstream")
class OuterProduct(keras.layers.Layer):
    """The matrix s s^T, s = sum_i v_i, row by row: the outer products of all pairs, summed.

    Input: one (batch, width) vector per field; output: (batch, width x width).
    """

    def call(self, vectors: Sequence[Any]) -> Any:
        s = ops.sum(stacked(vectors), axis=1)
        return ops.reshape(s[:, :, None] * s[:, None, :], (-1, s.shape[1] * s.shape[1]))


@keras.saving.register_keras_serializable("millstream")
class MicroNetworks(keras.layers.Layer):
    """MLP_ij[v_i, v_j, v_i * v_j] for all i < j, each pair with a small network of its own.

    All but the last of its layers are followed by ReLU.

    Args:
        hidden: widths of the layers.

    Input: one (batch, width) vector per field; output: (batch, pairs x last width of `hidden`).

    Raises:
        ConfigurationError: there are fewer than two fields, or no layers.
    """

    def __init__(self, hidden: Sequence[int] = (40, 5), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden = tuple(hidden)
        if not self.hidden:
            raise ConfigurationError(
                "`hidden` of micro networks must have at least one width. Received: ()."
            )

    def build(self, shapes: Sequence[tuple[int | None, ...]]) -> None:
        pairs, width = pair_places(len(shapes)).shape[1], 3 * (shapes[0][-1] or 0)
        self.kernels, self.biases = [], []
        for i, units in enumerate(self.hidden):
            kernel, bias = (pairs, width, units), (pairs, units)
            self.kernels.append(
                self.add_weight(shape=kernel, initializer=glorot_each(pairs), name=f"kernel_{i}")
            )
            self.biases.append(self.add_weight(shape=bias, initializer="zeros", name=f"bias_{i}"))
            width = units

    def call(self, vectors: Sequence[Any]) -> Any:
        left, right = pairs_of(vectors)
        x = ops.concatenate([left, right, left * right], axis=-1)
        for i, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            x = ops.matmul(ops.relu(x) if i else x, kernel) + bias[:, None, :]
        return ops.reshape(ops.transpose(x, (1, 0, 2)), (-1, x.shape[0] * x.shape[2]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hidden": list(self.hidden)}
