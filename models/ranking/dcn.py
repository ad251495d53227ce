"""Deep & Cross Network: x_{l+1} = x_0 (x_l^T w_l) + b_l + x_l beside an MLP.

Reference: Wang et al., ADKDD 2017, https://arxiv.org/abs/1708.05123, eq. 1 to 5.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Concatenate, Dense

from models.fields import Field
from models.inputs import embedded
from models.layers.cross import VectorCross
from models.layers.mlp import mlp


def dcn(
    fields: Iterable[Field],
    *,
    crosses: int = 2,
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats of any widths.
        crosses: cross layers.
        hidden: widths of the MLP.
        dropout: of the MLP.

    Raises:
        ConfigurationError: fields that do not fit together.
    """
    inputs, x0 = embedded(fields)
    x = x0
    for i in range(crosses):
        x = VectorCross(name=f"cross_{i}")(x0, x)
    joined = Concatenate(name="joined")([x, mlp(x0, hidden, name="deep", dropout=dropout)])
    return keras.Model(inputs, Dense(1, name="logit")(joined), name="dcn")
