"""An autoencoder as a pair of sides, and its middle alone.

The first matrix has a row for each item that is read, the last one for each item that is scored. A
new item is therefore a new row of both, and the score of an item is an inner product: serving finds
the best as it does for any retrieval model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
from keras import ops
from keras.layers import Activation, Concatenate, Dense

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bias import Bias
from models.layers.gaussian_code import GaussianCode
from models.layers.unit_sum import UnitSum
from models.retrieval.sides import history_of
from models.rows import RowInit


@dataclass(frozen=True)
class Autoencoder:
    """A network and what a learner of whole rows needs of it.

    Args:
        model: {fields of both sides} -> {"query": (batch, dim + 1), "candidate": (batch, dim + 1)};
            their inner product is the logit of an item. The last entry is 1 and the item's bias.
        body: W_in^T x, (batch, width), -> what meets the rows of the last matrix, (batch, dim).
        input_table: of the first matrix: rows of items, or of users for a factorisation.
        output_table, bias_table: of the last one.
        reads_items: whether the input is a user's items; else the user's own row.
        dropout: of the entries of x in training.
    """

    model: keras.Model
    body: keras.Model
    input_table: "TableShape"
    output_table: "TableShape"
    bias_table: "TableShape"
    reads_items: bool
    dropout: float


class TableShape(NamedTuple):
    """Name, values per row and first values of a table."""

    name: str
    width: int
    init: RowInit


def autoencoder(
    fields: Iterable[Field],
    name: str,
    *,
    hidden: Sequence[int],
    dim: int,
    activation: str,
    dropout: float,
    tied: bool = False,
    variational: bool = False,
) -> Autoencoder:
    """Y = W_out f(W_in^T drop(x / |x|)) + b, f an MLP that narrows to `dim` and widens again.

    Args:
        fields: the user's list of items and the id of an item, of one table; others are not read.
        hidden: widths from the input to the code; the decoder has them in turn.
        dim: of the code.
        activation: of all layers but the code of a variational autoencoder.
        dropout: of entries of the list, in training.
        tied: W_out = W_in.
        variational: the code is drawn, see `GaussianCode`.

    Raises:
        ConfigurationError: no such pair of fields, or `tied` with matrices of two widths.
    """
    history, item = history_of(fields)
    code = 2 * dim if variational else dim
    widths = (*hidden, code, *reversed(hidden))
    width, out = widths[0], hidden[0] if hidden else dim
    if tied and variational and not hidden:
        raise ConfigurationError("`tied` must be False for a variational code without `hidden`.")
    inputs = FieldInputs([history, item])
    init = item.init or RowInit()
    role = None if tied else "encoder"
    vectors = inputs.vectors(history, role, width, init)
    pooled = UnitSum(dropout, name="input")(vectors, inputs.tensors[history.name])
    body = _body(widths, len(hidden), activation, variational)
    output = inputs.vectors(item, width=out, init=init)
    outputs = with_bias(inputs, item, body(pooled), output)
    return Autoencoder(
        model=keras.Model(inputs.tensors, outputs, name=name),
        body=body,
        input_table=TableShape(item.table + (f":{role}" if role else ""), width, init),
        output_table=TableShape(item.table, out, init),
        bias_table=TableShape(f"{item.table}:bias", 1, RowInit("zeros")),
        reads_items=True,
        dropout=dropout,
    )


def with_bias(inputs: FieldInputs, item: Field, query: Any, candidate: Any) -> dict[str, Any]:
    """Both sides with one more entry, whose product is the item's bias."""
    bias = inputs.vectors(item, "bias", width=1, init=RowInit("zeros"))
    one = ops.ones_like(ops.mean(query, axis=-1, keepdims=True))
    return {
        "query": Concatenate(name="query")([query, one]),
        "candidate": Concatenate(name="candidate")([candidate, bias]),
    }


def _body(widths: Sequence[int], code: int, activation: str, variational: bool) -> keras.Model:
    """From the sum of input rows to what meets the output rows; `code` is the code's place."""
    pooled = x = keras.Input((widths[0],), name="pooled")
    for place, width in enumerate(widths):
        name = f"layer_{place}"
        x = Bias(name=name)(x) if place == 0 else Dense(width, name=name)(x)
        if variational and place == code:
            x = GaussianCode(name="code")(x)
        else:
            x = Activation(activation, name=f"{name}_{activation}")(x)
    return keras.Model(pooled, x, name="body")
