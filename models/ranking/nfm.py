"""Neural factorisation machine: w_0 + sum_i w_i x_i + h^T MLP(f_BI), on the pairs' pooled products.

f_BI = sum_{i<j} x_i v_i * x_j v_j, element-wise. With no hidden layer and h = 1 it is a
factorisation machine.

Reference: He & Chua, SIGIR 2017, https://arxiv.org/abs/1708.05027, eq. 2 to 7; section 3.3 (dropout
and batch normalisation).
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Add, BatchNormalization, Dense, Dropout

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bi_interaction import BiInteraction
from models.layers.mlp import mlp


def nfm(
    fields: Iterable[Field],
    *,
    hidden: Sequence[int] = (64,),
    dropout: float = 0.0,
    batch_norm: bool = False,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids of one width, and floats, whose vectors are V x.
        hidden: widths of the MLP.
        dropout: of f_BI, and of the MLP.
        batch_norm: normalises f_BI over the batch.

    Raises:
        ConfigurationError: ids of different widths, or fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    pooled = BiInteraction(name="pairs")(inputs.even_vectors())
    if batch_norm:
        pooled = BatchNormalization(name="pairs_norm")(pooled)
    if dropout:
        pooled = Dropout(dropout, name="pairs_dropout")(pooled)
    deep = mlp(pooled, hidden, name="deep", dropout=dropout)
    # The last layer is h, its bias w_0.
    logit = Add()([inputs.linear(), Dense(1, name="logit")(deep)])
    return keras.Model(inputs.tensors, logit, name="nfm")
