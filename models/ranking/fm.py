"""Factorisation machine: w_0 + sum_i w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j.

The entries of a list are pooled to one vector first: they do not pair with each other.

Reference: Rendle, ICDM 2010, https://doi.org/10.1109/ICDM.2010.127, eq. 1 and lemma 3.1.
"""

from collections.abc import Iterable

import keras
from keras.layers import Add

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bias import Bias
from models.layers.fm import FactorisationMachine


def fm(fields: Iterable[Field]) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids of one width, and floats, whose vectors are V x.

    Raises:
        ConfigurationError: ids of different widths, or fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    pairs = FactorisationMachine(name="fm")(inputs.even_vectors())
    logit = Bias(name="bias")(Add()([inputs.linear(), pairs]))
    return keras.Model(inputs.tensors, logit, name="fm")
