"""Field-weighted factorisation machine: a strength for each pair of fields.

w_0 + first order + sum_{i<j} <v_i, v_j> x_i x_j r_{F(i),F(j)}, where the first order is
sum_i w_i x_i, or sum_i <v_i, w_{F(i)}> x_i with one vector w for each field. Every r begins at 1,
where the model is a factorisation machine.

Reference: Pan et al., WWW 2018, https://arxiv.org/abs/1806.03514 (FwFM, and FwFM_FiLV).
"""

from collections.abc import Iterable
from typing import Any, Literal

import keras
from keras.layers import Add, Dense

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.pairs import PairDots


def fwfm(
    fields: Iterable[Field], *, linear: Literal["weights", "vectors"] = "weights"
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: two or more: ids of one width, and floats, whose vectors are V x.
        linear: `weights` has a weight w_i for each id; `vectors` takes the first order from the
            ids' vectors by w_{F(i)}, and saves a table for each field.

    Raises:
        ConfigurationError: an unknown `linear`, fewer than two fields, ids of different widths, or
            fields that do not fit together.
    """
    if linear not in ("weights", "vectors"):
        raise ConfigurationError(f"`linear` must be 'weights' or 'vectors'. Received: {linear!r}.")
    inputs = FieldInputs(fields)
    vectors = inputs.even_vectors()
    # The kernel is r, the bias w_0.
    strengths = Dense(1, kernel_initializer="ones", name="strengths")
    terms = [strengths(PairDots(name="pairs")(vectors))]
    if linear == "weights":
        terms.append(inputs.linear())
    else:
        terms += _by_field(inputs, vectors)
    return keras.Model(inputs.tensors, Add()(terms), name="fwfm")


def _by_field(inputs: FieldInputs, vectors: list[Any]) -> list[Any]:
    """<v_i, w_{F(i)}> for every field, (batch, 1)."""
    return [
        Dense(1, use_bias=False, name=f"first_order.{field.name}")(vector)
        for field, vector in zip(inputs.fields, vectors, strict=True)
    ]
