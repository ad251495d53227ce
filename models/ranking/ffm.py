"""Field-aware factorisation machine: sum_{i<j} <v_{i,F(j)}, v_{j,F(i)}> x_i x_j.

A feature has one vector for each field that it may meet. They stand side by side in one table row,
so that an id costs one lookup; the part for the feature's own field is used where fields share a
table.

The paper's equation has no first-order term; `linear` adds w_0 + sum_i w_i x_i, as Pan et al., WWW
2018, https://arxiv.org/abs/1806.03514, do in their comparison.

Reference: Juan et al., RecSys 2016, https://doi.org/10.1145/2959100.2959134, section 3.
"""

from collections.abc import Iterable

import keras
from keras.layers import Add

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bias import Bias
from models.layers.parts import FieldAware, parted_vectors


def ffm(fields: Iterable[Field], *, width: int = 4, linear: bool = False) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: two or more; the `width` of an id plays no part.
        width: of each of a feature's vectors.
        linear: adds the first-order term.

    Raises:
        ConfigurationError: fewer than two fields, or fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    vectors = parted_vectors(inputs, len(inputs.fields), width)
    logit = FieldAware(name="ffm")(vectors)
    if linear:
        logit = Bias(name="bias")(Add()([inputs.linear(), logit]))
    return keras.Model(inputs.tensors, logit, name="ffm")
