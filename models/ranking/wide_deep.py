"""Wide & Deep: w_wide^T [x, phi(x)] + w_deep^T a^L + b, learnt together.

The wide part is first order over all fields. The products phi(x), such as AND(gender=female,
language=en), come in as fields: the feature pipeline gives each combination an id. They belong to
`cross`, and where their `group` is `wide` they go to the wide part alone.

The paper learns the wide part by FTRL with an L1 penalty and all of the deep part, embeddings
included, by AdaGrad. All weights of the wide part are in layers called `linear.<name>`, the deep
part has none of these: the catalogue names the optimisers by that prefix.

Reference: Cheng et al., DLRS 2016, https://arxiv.org/abs/1606.07792, eq. 1 to 3.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Add, Concatenate, Dense

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.mlp import mlp


def wide_deep(
    fields: Iterable[Field], *, hidden: Sequence[int] = (256, 128), dropout: float = 0.0
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats of any widths; those of the group `wide` have no embedding.
        hidden: widths of the deep part.
        dropout: of the deep part.

    Raises:
        ConfigurationError: all fields are `wide`, or they do not fit together.
    """
    inputs = FieldInputs(fields)
    deep_fields = [f for f in inputs.fields if f.group != "wide"]
    if not deep_fields:
        raise ConfigurationError(
            "`fields` must have one that is not of the group 'wide'. "
            f"Received: {[f.name for f in inputs.fields]}."
        )
    columns = [inputs.pooled(f) if f.is_id else inputs.numbers(f) for f in deep_fields]
    deep = mlp(Concatenate()(columns), hidden, name="deep", dropout=dropout)
    terms = [inputs.linear(), Dense(1, name="logit")(deep)]
    return keras.Model(inputs.tensors, Add()(terms), name="wide_deep")
