"""AutoInt: fields attend to fields, then w^T [e'_1, ..., e'_M] + b; AutoInt+ adds a DNN's logit.

Each layer gives a field the attention of its heads, a_mk = softmax_k <W_Q e_m, W_K e_k>, and what
it was before: ReLU(sum_k a_mk W_V e_k + W_R e_m).

Reference: Song et al., CIKM 2019, https://arxiv.org/abs/1810.11921, eq. 3 to 9 and section 5.5.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Add, Concatenate, Dense, Flatten

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.field_attention import FieldAttention
from models.layers.mlp import mlp
from models.layers.stacked import stacked


def autoint(
    fields: Iterable[Field],
    *,
    layers: int = 2,
    heads: int = 2,
    head_width: int = 16,
    hidden: Sequence[int] = (),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids of one width, and floats, whose vectors are V x.
        layers: of attention, one after the other.
        heads: of each.
        head_width: values that each head gives to a field.
        hidden: widths of the DNN of AutoInt+, on the fields' vectors; none is AutoInt.
        dropout: of the DNN.

    Raises:
        ConfigurationError: ids of different widths, or fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    vectors = inputs.even_vectors()
    x = stacked(vectors)
    for i in range(layers):
        x = FieldAttention(heads, head_width, name=f"attention_{i}")(x)
    logit = Dense(1, name="logit")(Flatten()(x))
    if hidden:
        deep = mlp(Concatenate()(vectors), hidden, name="deep", dropout=dropout)
        logit = Add()([logit, Dense(1, use_bias=False, name="deep_logit")(deep)])
    return keras.Model(inputs.tensors, logit, name="autoint")
