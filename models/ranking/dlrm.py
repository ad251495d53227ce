"""DLRM: MLP_top[x, <v_i, v_j> for all pairs of x = MLP_bottom(numbers) and the ids' vectors].

Without numbers there is no x; the ids' vectors have their pairs alone.

Reference: Naumov et al., 2019, https://arxiv.org/abs/1906.00091, section 2.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Concatenate, Dense

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.mlp import mlp
from models.layers.pairs import PairDots


def dlrm(
    fields: Iterable[Field],
    *,
    bottom: Sequence[int] = (64,),
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids of one width, and floats, which share the bottom MLP.
        bottom: widths of the bottom MLP before its last layer, which has the width of the ids.
        hidden: widths of the top MLP.
        dropout: of the top MLP.

    Raises:
        ConfigurationError: ids of different widths, fewer than two vectors, or fields that do not
            fit together.
    """
    inputs = FieldInputs(fields)
    width = inputs.even_width()
    vectors = [inputs.pooled(f) for f in inputs.fields if f.is_id]
    numbers = [inputs.numbers(f) for f in inputs.fields if not f.is_id]
    dense = []
    if numbers:
        dense = [mlp(Concatenate()(numbers), (*bottom, width), name="bottom")]
    dots = PairDots(name="dots")([*dense, *vectors])
    top = mlp(Concatenate()([*dense, dots]), hidden, name="top", dropout=dropout)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(top), name="dlrm")
