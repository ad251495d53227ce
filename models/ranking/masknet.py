"""MaskNet: blocks that multiply what they read by a mask made of the whole instance.

Block: ReLU(LN(W (mask * x))), mask = W_d ReLU(W_a V + b_a) + b_d, where V holds all vectors of the
fields. The first block reads LN(V), field by field. In series the others read the block before
them, each with a mask of V; in parallel all read LN(V), and their outputs go to an MLP together.

Reference: Wang, She & Zhang, DLP-KDD 2021, https://arxiv.org/abs/2102.07619, section 3.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import keras
from keras.layers import Concatenate, Dense, Dropout, LayerNormalization

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.mask_block import MaskBlock
from models.layers.mlp import mlp


def masknet(
    fields: Iterable[Field],
    *,
    structure: Literal["serial", "parallel"] = "parallel",
    blocks: Sequence[int] = (16, 16, 16),
    ratio: float = 2.0,
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids of one width, and floats, whose vectors are V x.
        structure: blocks in `serial`, or in `parallel`.
        blocks: units of each of the blocks in parallel.
        ratio: units in a mask's first layer for each value that it masks.
        hidden: widths of the network's layers: of the blocks in series, or of the MLP behind
            blocks in parallel.
        dropout: of these layers.

    Raises:
        ConfigurationError: an unknown `structure`, no blocks in parallel, ids of different widths,
            or fields that do not fit together.
    """
    _check(structure, blocks)
    inputs = FieldInputs(fields)
    vectors = inputs.even_vectors()
    v = Concatenate(name="instance")(vectors)
    x = Concatenate(name="normalised")(
        [
            LayerNormalization(name=f"norm.{field.name}")(vector)
            for field, vector in zip(inputs.fields, vectors, strict=True)
        ]
    )
    if structure == "serial":
        for i, units in enumerate(hidden):
            x = MaskBlock(units, ratio, name=f"block_{i}")(v, x)
            if dropout:
                x = Dropout(dropout, name=f"block_{i}_dropout")(x)
    else:
        each = [MaskBlock(n, ratio, name=f"block_{i}")(v, x) for i, n in enumerate(blocks)]
        x = mlp(Concatenate(name="joined")(each), hidden, name="deep", dropout=dropout)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(x), name="masknet")


def _check(structure: str, blocks: Sequence[int]) -> None:
    if structure not in ("serial", "parallel"):
        raise ConfigurationError(
            f"`structure` must be 'serial' or 'parallel'. Received: {structure!r}."
        )
    if structure == "parallel" and not blocks:
        raise ConfigurationError("`blocks` must have at least one width. Received: ().")
