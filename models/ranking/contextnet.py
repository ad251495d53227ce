"""ContextNet: every block multiplies each field's vector by its context, and maps it on.

Block: m_i = h_i * c_i, c_i = W_i ReLU(W_a V), where V holds all vectors of the embedding layer;
`pffn` gives LN(W_2 ReLU(W_1 m_i) + m_i), `sffn` LN(W_1 m_i). Then w_0 + w^T [h_1, ..., h_f].

Reference: Wang et al., 2021, https://arxiv.org/abs/2107.12025, section 3.
"""

from collections.abc import Iterable
from typing import Literal

import keras
from keras.layers import Concatenate, Dense, Dropout, Flatten

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.context_block import ContextBlock
from models.layers.stacked import stacked


def contextnet(
    fields: Iterable[Field],
    *,
    block: Literal["pffn", "sffn"] = "pffn",
    blocks: int = 2,
    ratio: float = 2.0,
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids of one width, and floats, whose vectors are V x.
        block: `pffn`, point-wise with two layers and a residual, or `sffn`, with a single one.
        blocks: one after the other.
        ratio: units in which a block gathers the context, for each value of V.
        dropout: of the last block's vectors.

    Raises:
        ConfigurationError: an unknown `block`, fewer than one, ids of different widths, or fields
            that do not fit together.
    """
    if blocks < 1:
        raise ConfigurationError(f"`blocks` must be at least 1. Received: {blocks!r}.")
    inputs = FieldInputs(fields)
    vectors = inputs.even_vectors()
    v = Concatenate(name="instance")(vectors)
    h = stacked(vectors)
    for i in range(blocks):
        h = ContextBlock(block, ratio, name=f"block_{i}")(v, h)
    x = Flatten(name="joined")(h)
    if dropout:
        x = Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(x), name="contextnet")
