"""FiBiNet++: pairs as numbers through a low-rank layer, beside vectors weighted number by number.

e_i = BN(v_i) of an id, LN(v_i) of a float; y = DNN([SENet+(e), L p]), p_ij = <e_i W, e_j>.
There is no linear part. A float's vector is V x + b here: of the paper's V x, layer normalisation
would keep hardly more than the sign of x.

Reference: Zhang & Zhang, CIKM 2023, https://arxiv.org/abs/2209.05016, section 3.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import keras
from keras.layers import BatchNormalization, Concatenate, Dense, Flatten, LayerNormalization

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bias import Bias
from models.layers.bilinear import BilinearInteraction
from models.layers.mlp import mlp
from models.layers.senet_plus import SqueezeExcitationPlus
from models.layers.stacked import stacked


def fibinet_pp(
    fields: Iterable[Field],
    *,
    kind: Literal["all", "each", "interaction"] = "all",
    rank: int = 50,
    groups: int = 2,
    reduction: int = 3,
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: two or more: ids of one width, and floats.
        kind: whether `all` pairs share a matrix, `each` field has one, or each `interaction`.
        rank: units of the low-rank layer L.
        groups: that SENet+ cuts a vector into; as many as fit, if they do not divide its width.
        reduction: squeezed values for each unit between squeeze and excitation.
        hidden: widths of the DNN.
        dropout: of the DNN.

    Raises:
        ConfigurationError: an unknown `kind`, fewer than two fields, ids of different widths, or
            fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    vectors = stacked(_normalised(inputs))
    weighted = SqueezeExcitationPlus(groups, reduction, name="senet")(vectors)
    pairs = BilinearInteraction(kind, inner=True, name="pairs")(vectors)
    low = Dense(rank, use_bias=False, name="low_rank")(pairs)
    x = Concatenate(name="joined")([Flatten()(weighted), low])
    x = mlp(x, hidden, name="deep", dropout=dropout)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(x), name="fibinet_pp")


def _normalised(inputs: FieldInputs) -> list[Any]:
    """Every field as one normalised vector, (batch, width of the ids): eq. 7 and 8."""
    return [
        # Statistics that follow the last tens of batches: embeddings begin small, and grow.
        BatchNormalization(momentum=0.9, name=f"norm.{field.name}")(vector)
        if field.is_id
        else LayerNormalization(name=f"norm.{field.name}")(Bias(name=f"bias.{field.name}")(vector))
        for field, vector in zip(inputs.fields, inputs.even_vectors(), strict=True)
    ]
