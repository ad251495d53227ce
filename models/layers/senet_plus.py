"""How much each number of a row's vectors counts, learnt by squeeze and excitation.

Reference: Zhang & Zhang, CIKM 2023, https://arxiv.org/abs/2209.05016, section 3.3 (SENet+).
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class SqueezeExcitationPlus(keras.layers.Layer):
    """LN(e * w + e), w = W_2 ReLU(W_1 z + b_1) + b_2: one weight for each number of each field.

    z holds the mean and the maximum of each of the groups that a field's vector is cut into. The
    second layer is linear, as in the authors' code. The paper has no biases; b_1 begins at 1, for
    the few units of a small network would otherwise often be dead from the start.

    Args:
        groups: of a vector; as many as fit, if they do not divide its width.
        reduction: entries of z for each unit of the layer in between.

    Input and output: (batch, fields, width).
    """

    def __init__(self, groups: int = 2, reduction: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups
        self.reduction = reduction

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.fields, self.width = shape[-2] or 0, shape[-1] or 0
        self.cuts = max(g for g in range(1, self.groups + 1) if self.width % g == 0)
        squeezed = 2 * self.cuts * self.fields
        units = max(1, squeezed // self.reduction)
        self.squeeze = keras.layers.Dense(
            units, activation="relu", bias_initializer="ones", name="squeeze"
        )
        self.squeeze.build((None, squeezed))
        self.excite = keras.layers.Dense(self.fields * self.width, name="excite")
        self.excite.build((None, units))
        self.normalise = keras.layers.LayerNormalization(name="normalise")
        self.normalise.build(shape)

    def call(self, vectors: Any) -> Any:
        groups = ops.reshape(vectors, (-1, self.fields * self.cuts, self.width // self.cuts))
        z = ops.concatenate([ops.mean(groups, axis=-1), ops.max(groups, axis=-1)], axis=-1)
        weights = self.excite(self.squeeze(z))
        weights = ops.reshape(weights, (-1, self.fields, self.width))
        return self.normalise(vectors * weights + vectors)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups, "reduction": self.reduction}
