"""Deep Interest Evolution Network: a GRU finds the interests behind the user's behaviours, and a
second one (AUGRU) follows how those that belong to the target evolve; its last state enters an MLP
with all other fields.

a_t = softmax_t(h_t W e_A) scales the update gate. The auxiliary loss, L = L_target + alpha L_aux,
teaches the first GRU what came next; negatives are taken from other rows of the batch, where the
paper samples them from all items.

Reference: Zhou et al., AAAI 2019, https://arxiv.org/abs/1809.03672, eq. 2 to 16.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Concatenate, Dense

from models.behaviours import columns_with
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.augru import AUGRU
from models.layers.dice import Dice
from models.layers.interest_extractor import InterestExtractor
from models.layers.mlp import mlp
from models.layers.relevance import Relevance


def dien(
    fields: Iterable[Field],
    *,
    alpha: float = 1.0,
    hidden: Sequence[int] = (200, 80),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats of any widths; every list with a target is a list of behaviours.
        alpha: weight of the auxiliary loss; 0 leaves it out.
        hidden: widths of the MLP, whose activation is Dice.
        dropout: of the MLP.

    Raises:
        ConfigurationError: no list has a target, or fields do not fit together.
    """
    inputs = FieldInputs(fields)

    def interest(field: Field) -> keras.KerasTensor:
        ids, target = inputs.tensors[field.name], inputs.target(field)
        extractor = InterestExtractor(alpha, name=f"extractor.{field.name}")
        states = extractor(inputs.vectors(field), ids)
        attention = Relevance(name=f"attention.{field.name}")(states, ids, target)
        return AUGRU(name=f"evolution.{field.name}")(states, ids, attention)[:, 0]

    x = Concatenate(name="joined")(columns_with(inputs, interest))
    x = mlp(x, hidden, name="deep", activation=Dice, dropout=dropout)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(x), name="dien")
