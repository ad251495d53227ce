"""FiBiNET: every two fields through a learnt matrix, plain and weighted by their importance.

y = w_0 + sum_i w_i x_i + DNN([p, q]), p_ij = (e_i W) * e_j, q_ij = (v_i W') * v_j, v_i = a_i e_i,
where a comes from squeeze and excitation. w_0 is the bias of the last layer of the DNN.

Reference: Huang, Zhang & Zhang, RecSys 2019, https://arxiv.org/abs/1905.09433, section 3.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import keras
from keras.layers import Add, Concatenate, Dense, Flatten

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bilinear import BilinearInteraction
from models.layers.mlp import mlp
from models.layers.senet import SqueezeExcitation
from models.layers.stacked import stacked


def fibinet(
    fields: Iterable[Field],
    *,
    kind: Literal["all", "each", "interaction"] = "interaction",
    reduction: int = 3,
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: two or more: ids of one width, and floats, whose vectors are V x.
        kind: whether `all` pairs share a matrix, `each` field has one, or each `interaction`.
        reduction: fields for each unit between squeeze and excitation.
        hidden: widths of the DNN.
        dropout: of the DNN.

    Raises:
        ConfigurationError: an unknown `kind`, fewer than two fields, ids of different widths, or
            fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    plain = stacked(inputs.even_vectors())
    weighted = SqueezeExcitation(reduction, name="senet")(plain)
    p = BilinearInteraction(kind, name="pairs")(plain)
    q = BilinearInteraction(kind, name="weighted_pairs")(weighted)
    x = Concatenate(name="joined")([Flatten()(p), Flatten()(q)])
    deep = mlp(x, hidden, name="deep", dropout=dropout)
    terms = [inputs.linear(), Dense(1, name="logit")(deep)]
    return keras.Model(inputs.tensors, Add()(terms), name="fibinet")
