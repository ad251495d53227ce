"""Every two fields through a learnt matrix.

References: Huang, Zhang & Zhang, RecSys 2019, https://arxiv.org/abs/1905.09433
(bilinear-interaction layer);
Zhang & Zhang, CIKM 2023, https://arxiv.org/abs/2209.05016, section 3.2 (the inner product).
"""

from typing import Any, Literal

import keras
from keras import ops

from millstream.errors import ConfigurationError
from models.layers.initialisers import glorot_each
from models.layers.pairs import pair_places, pairs_of

KINDS = ("all", "each", "interaction")


@keras.saving.register_keras_serializable("millstream")
class BilinearInteraction(keras.layers.Layer):
    """p_ij = (e_i W) * e_j for i < j, element-wise, or its sum, the inner product <e_i W, e_j>.

    Args:
        kind: `all` pairs share one matrix, or `each` field i has one (but the last, which is never
            an e_i), or each `interaction` of two fields.
        inner: gives the inner products.

    Input: (batch, fields, width); output: (batch, pairs, width), or (batch, pairs) if `inner`.

    Raises:
        ConfigurationError: an unknown `kind`, or fewer than two fields.
    """

    def __init__(
        self,
        kind: Literal["all", "each", "interaction"] = "interaction",
        inner: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ConfigurationError(f"`kind` must be one of {KINDS}. Received: {kind!r}.")
        self.kind = kind
        self.inner = inner

    def build(self, shape: tuple[int | None, ...]) -> None:
        fields, width = shape[-2] or 0, shape[-1]
        self.first, _ = pair_places(fields)
        matrices = {"all": 1, "each": fields - 1, "interaction": len(self.first)}[self.kind]
        self.kernel = self.add_weight(
            shape=(matrices, width, width), initializer=glorot_each(matrices), name="kernel"
        )

    def call(self, vectors: Any) -> Any:
        fields = ops.transpose(vectors, (1, 0, 2))  # whole fields are copied, and multiplied
        left, right = pairs_of(ops.unstack(fields))
        if self.kind == "interaction":
            left = ops.matmul(left, self.kernel)
        else:
            crossed = ops.unstack(ops.matmul(fields[:-1], self.kernel))
            left = ops.stack([crossed[i] for i in self.first])
        products = left * right
        if self.inner:
            return ops.transpose(ops.sum(products, axis=-1))
        return ops.transpose(products, (1, 0, 2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kind": self.kind, "inner": self.inner}
