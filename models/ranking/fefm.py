"""Field-embedded factorisation machine, and its deep form.

FEFM: w_0 + sum_i w_i x_i + sum_{i<j} v_i^T W_{F(i),F(j)} v_j x_i x_j, with a symmetric matrix for
each pair of fields. DeepFEFM adds a DNN on the vectors of the fields and the terms of the last sum.

Reference: Pande, 2020, https://arxiv.org/abs/2009.09931.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Add, Concatenate, Dense

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bias import Bias
from models.layers.mlp import mlp
from models.layers.symmetric_pairs import SymmetricPairs


def fefm(fields: Iterable[Field]) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: two or more: ids of one width, and floats, whose vectors are V x.

    Raises:
        ConfigurationError: fewer than two fields, ids of different widths, or fields that do not
            fit together.
    """
    inputs = FieldInputs(fields)
    pairs = SymmetricPairs(name="pairs")(inputs.even_vectors())
    logit = Bias(name="bias")(Add()([inputs.linear(), _total(pairs)]))
    return keras.Model(inputs.tensors, logit, name="fefm")


def deepfefm(
    fields: Iterable[Field], *, hidden: Sequence[int] = (256, 128), dropout: float = 0.0
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: two or more: ids of one width, and floats, whose vectors are V x.
        hidden: widths of the DNN.
        dropout: of the DNN.

    Raises:
        ConfigurationError: fewer than two fields, ids of different widths, or fields that do not
            fit together.
    """
    inputs = FieldInputs(fields)
    vectors = inputs.even_vectors()
    pairs = SymmetricPairs(name="pairs")(vectors)
    deep = mlp(Concatenate()([*vectors, pairs]), hidden, name="deep", dropout=dropout)
    # The bias of the last layer is w_0.
    terms = [inputs.linear(), _total(pairs), Dense(1, name="logit")(deep)]
    return keras.Model(inputs.tensors, Add()(terms), name="deepfefm")


def _total(pairs: Any) -> Any:
    return ops.sum(pairs, axis=-1, keepdims=True)
