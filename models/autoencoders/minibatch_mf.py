"""Matrix factorisation with mini-batch negatives: y_ui = p_u . q_i + b_i.

A step takes users with all of their items; what the other users of the batch have, and the user has
not, are the negatives. The loss is a confidence-weighted square, or a logistic one.

References: Hu, Koren & Volinsky, ICDM 2008, https://doi.org/10.1109/ICDM.2008.22, eq. 3
(confidence); Moussawi, 2018, https://arxiv.org/abs/1809.00999, section 4 (negatives).
"""

from collections.abc import Iterable

import keras

from millstream.errors import ConfigurationError
from models.autoencoders.network import Autoencoder, TableShape, with_bias
from models.fields import Field, checked
from models.inputs import FieldInputs
from models.rows import RowInit


def minibatch_mf(fields: Iterable[Field], *, dim: int = 64) -> Autoencoder:
    """{user, item} -> query and candidate, whose inner product is the item's logit.

    Args:
        fields: one single id of the user and one of the item; others are not read.
        dim: values per row.

    Raises:
        ConfigurationError: there is no such pair of fields.
    """
    user, item = (_single_id(fields, side) for side in ("user", "item"))
    inputs = FieldInputs([user, item])
    init = item.init or RowInit()
    rows = [inputs.vectors(field, width=dim, init=init) for field in (user, item)]
    pooled = keras.Input((dim,), name="pooled")
    body = keras.Model(pooled, keras.layers.Identity(name="user")(pooled), name="body")
    model = keras.Model(
        inputs.tensors, with_bias(inputs, item, body(rows[0]), rows[1]), name="minibatch_mf"
    )
    return Autoencoder(
        model=model,
        body=body,
        input_table=TableShape(user.table, dim, init),
        output_table=TableShape(item.table, dim, init),
        bias_table=TableShape(f"{item.table}:bias", 1, RowInit("zeros")),
        reads_items=False,
        dropout=0.0,
    )


def _single_id(fields: Iterable[Field], side: str) -> Field:
    found = [f for f in checked(fields) if f.is_id and not f.is_list and f.belongs_to == side]
    if not found:
        raise ConfigurationError(f"`fields` must have a single id of the {side}. Received: none.")
    return found[0]
