"""Temporal Interest Network: u = sum_j a_j (e_j * v), a = softmax_j(<e_j, v> / sqrt(d)), where the
vectors e_j of behaviours and v of the target carry their position relative to the target; an MLP on
u and all other fields.

The paper encodes positions or time intervals. Here it is positions: the interval to the target asks
for the time of the target, which no field of a list tells.

Reference: Zhou et al., WWW 2024, https://arxiv.org/abs/2308.08487, section 4.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Concatenate, Dense

from models.behaviours import columns_with
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.mlp import mlp
from models.layers.target_aware_attention import TargetAwareAttention


def tin(
    fields: Iterable[Field],
    *,
    positions: int = 64,
    hidden: Sequence[int] = (200, 80),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats of any widths; every list with a target is a list of behaviours.
        positions: that are told apart, the target's among them.
        hidden: widths of the MLP.
        dropout: of the MLP.

    Raises:
        ConfigurationError: no list has a target, or fields do not fit together.
    """
    inputs = FieldInputs(fields)

    def interest(field: Field) -> keras.KerasTensor:
        attention = TargetAwareAttention(positions, name=f"attention.{field.name}")
        ids = inputs.tensors[field.name]
        return attention(inputs.vectors(field), ids, inputs.target(field))

    x = Concatenate(name="joined")(columns_with(inputs, interest))
    x = mlp(x, hidden, name="deep", dropout=dropout)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(x), name="tin")
