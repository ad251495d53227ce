"""Logistic regression: w_0 + sum_i w_i x_i.

Every id has a weight of its own; a list has the mean, or the sum, of the weights of its entries.
The paper learns the weights by FTRL-Proximal, which leaves most of them at exactly 0.

Reference: McMahan et al., KDD 2013, https://doi.org/10.1145/2487575.2488200, section 3.
"""

from collections.abc import Iterable

import keras

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bias import Bias


def lr(fields: Iterable[Field]) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats; the `width` of an id plays no part.

    Raises:
        ConfigurationError: fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    return keras.Model(inputs.tensors, Bias(name="bias")(inputs.linear()), name="lr")
