"""xDeepFM: w_linear^T x + w_cin^T p + w_deep^T a^L + b; p sums up the maps of a CIN.

X^k_h = sum_{i,j} W^k_{ijh} (X^{k-1}_i * X^0_j), X^0 the fields' vectors, and p^k_h is the sum over
the entries of X^k_h. There is no activation between the layers of the CIN, which the paper found
best, and every map both goes on to the next layer and into p.

Reference: Lian et al., KDD 2018, https://arxiv.org/abs/1803.05170, eq. 6 to 9.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Add, Concatenate, Dense

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.cin import CompressedInteraction
from models.layers.mlp import mlp


def xdeepfm(
    fields: Iterable[Field],
    *,
    maps: Sequence[int] = (32, 32),
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids of one width, and floats, whose vectors are V x.
        maps: how many each layer of the CIN has.
        hidden: widths of the DNN.
        dropout: of the DNN.

    Raises:
        ConfigurationError: no `maps`, ids of different widths, or fields that do not fit together.
    """
    if not maps:
        raise ConfigurationError(f"`maps` must have at least one number. Received: {maps!r}.")
    inputs = FieldInputs(fields)
    vectors = inputs.even_vectors()
    cin = CompressedInteraction(maps, name="cin")(vectors)
    deep = mlp(Concatenate()(vectors), hidden, name="deep", dropout=dropout)
    terms = [
        inputs.linear(),
        Dense(1, use_bias=False, name="cin_logit")(cin),
        Dense(1, name="logit")(deep),
    ]
    return keras.Model(inputs.tensors, Add()(terms), name="xdeepfm")
