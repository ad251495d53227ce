"""Deep Crossing: ReLU embeddings, stacked, then units x -> ReLU(x + W_1 ReLU(W_0 x + b_0) + b_1).

A field's embedding is max(0, W x + b), x its one-hot or multi-hot ids; a row of the table is a
column of W. The paper stacks fields of up to 256 values as they are. Here every field of ids is
embedded, as nobody knows how many ids a stream will bring; numbers are stacked as they are.

Reference: Shan et al., KDD 2016, https://doi.org/10.1145/2939672.2939704, eq. 1 and 2, figure 1.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Concatenate, Dense, Dropout, ReLU

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bias import Bias
from models.layers.residual import ResidualUnit


def deep_crossing(
    fields: Iterable[Field], *, hidden: Sequence[int] = (256, 128), dropout: float = 0.0
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats of any widths.
        hidden: inner width of each residual unit, the rows of its W_0.
        dropout: after each residual unit.

    Raises:
        ConfigurationError: fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    columns = [
        ReLU()(Bias(name=f"bias.{f.name}")(inputs.pooled(f))) if f.is_id else inputs.numbers(f)
        for f in inputs.fields
    ]
    x = Concatenate(name="stacked")(columns)
    for i, inner in enumerate(hidden):
        x = ResidualUnit(inner, name=f"deep_{i}")(x)
        if dropout:
            x = Dropout(dropout, name=f"deep_{i}_dropout")(x)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(x), name="deep_crossing")
