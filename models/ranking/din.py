"""Deep Interest Network: an MLP on all fields, of which the user's behaviours are pooled by their
relation to the target, v_U = sum_j a(e_j, v_A) e_j.

Reference: Zhou et al., KDD 2018, https://arxiv.org/abs/1706.06978, eq. 3 to 8 and figure 2.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Concatenate, Dense

from models.behaviours import columns_with
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.dice import Dice
from models.layers.mlp import mlp
from models.layers.rows_l2 import RowsL2
from models.layers.target_attention import TargetAttention


def din(
    fields: Iterable[Field],
    *,
    attention_hidden: Sequence[int] = (36,),
    hidden: Sequence[int] = (200, 80),
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats of any widths; every list with a target is a list of behaviours.
        attention_hidden: widths of the MLP a, the activation unit.
        hidden: widths of the MLP; its activation, like that of a, is Dice.
        dropout: of the MLP.
        l2: weight of the mini-batch aware regularisation; see `RowsL2`.

    Raises:
        ConfigurationError: no list has a target, or fields do not fit together.
    """
    inputs = FieldInputs(fields)

    def interest(field: Field) -> keras.KerasTensor:
        attention = TargetAttention(attention_hidden, name=f"attention.{field.name}")
        ids = inputs.tensors[field.name]
        return attention(inputs.vectors(field), ids, inputs.target(field))

    x = Concatenate(name="joined")(columns_with(inputs, interest))
    if l2:
        ids = [f for f in inputs.fields if f.is_id]
        for table in dict.fromkeys(f.table for f in ids):
            of_table = [f for f in ids if f.table == table]
            rows = [inputs.vectors(f) for f in of_table]
            x = RowsL2(l2, name=f"l2.{table}")(x, rows, [inputs.tensors[f.name] for f in of_table])
    x = mlp(x, hidden, name="deep", activation=Dice, dropout=dropout)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(x), name="din")
