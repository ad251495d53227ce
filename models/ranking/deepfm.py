"""DeepFM: y_FM + y_DNN, both on the same embeddings; y_FM = w_0 + sum_i w_i x_i + FM(v).

w_0 is the bias of the last layer of the DNN.

Reference: Guo et al., IJCAI 2017, https://arxiv.org/abs/1703.04247, eq. 1 to 4.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Add, Concatenate, Dense

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.fm import FactorisationMachine
from models.layers.mlp import mlp


def deepfm(
    fields: Iterable[Field], *, hidden: Sequence[int] = (256, 128), dropout: float = 0.0
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids of one width, and floats, whose vectors are V x.
        hidden: widths of the DNN.
        dropout: of the DNN.

    Raises:
        ConfigurationError: ids of different widths, or fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    vectors = inputs.even_vectors()
    deep = mlp(Concatenate()(vectors), hidden, name="deep", dropout=dropout)
    terms = [
        inputs.linear(),
        FactorisationMachine(name="fm")(vectors),
        Dense(1, name="logit")(deep),
    ]
    return keras.Model(inputs.tensors, Add()(terms), name="deepfm")
