"""Attentional factorisation machine: it learns how much each pair of fields counts, row by row.

w_0 + sum_i w_i x_i + p^T sum_{i<j} a_ij (v_i * v_j) x_i x_j, where a is the softmax over all pairs
of h^T ReLU(W (v_i * v_j) x_i x_j + b).

The paper also holds W small by an L2 term; that is left to the optimiser.

Reference: Xiao et al., IJCAI 2017, https://arxiv.org/abs/1708.04617, eq. 2 to 6.
"""

from collections.abc import Iterable

import keras
from keras.layers import Add, Dense, Dropout

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.pair_attention import PairAttention
from models.layers.pairs import PairProducts


def afm(fields: Iterable[Field], *, attention: int = 8, dropout: float = 0.0) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: two or more: ids of one width, and floats, whose vectors are V x.
        attention: rows of W.
        dropout: of the products v_i * v_j.

    Raises:
        ConfigurationError: fewer than two fields, ids of different widths, or fields that do not
            fit together.
    """
    inputs = FieldInputs(fields)
    products = PairProducts(name="pairs")(inputs.even_vectors())
    if dropout:
        products = Dropout(dropout, name="pairs_dropout")(products)
    pooled = PairAttention(attention, name="attention")(products)
    # The last layer is p, its bias w_0.
    logit = Add()([inputs.linear(), Dense(1, name="logit")(pooled)])
    return keras.Model(inputs.tensors, logit, name="afm")
