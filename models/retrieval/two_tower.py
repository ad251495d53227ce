"""Two towers: a query (user, context) and a candidate (item) become unit vectors; s = q . c.

The softmax that trains them is in `models.losses.sampled_softmax`.

Reference: Yi et al., RecSys 2019, https://doi.org/10.1145/3298689.3346996, section 3; mixed
negatives: Yang et al., WWW 2020 companion, https://doi.org/10.1145/3366424.3386195.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras.layers import Dense

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.field_embedding import FieldEmbedding
from models.layers.l2_normalise import L2Normalise
from models.layers.mlp import mlp
from models.retrieval.model import RetrievalModel
from models.retrieval.objective import Objective
from models.retrieval.sides import by_side


def two_tower(
    fields: Iterable[Field],
    *,
    dim: int = 32,
    hidden: Sequence[int] = (128,),
    dropout: float = 0.0,
    temperature: float = 0.05,
    hard_negatives: int | None = None,
) -> RetrievalModel:
    """Build both towers from one list of fields.

    Args:
        fields: those of `user` and `context` make the query, those of `item` the candidate; those
            of `cross` need both sides and are left out.
        dim: width of the common space.
        hidden: widths of each tower's hidden layers.
        dropout: of the hidden layers.
        temperature, hard_negatives: see `Objective`.

    Raises:
        ConfigurationError: a field does not say what it belongs to, or a tower has no field.
    """
    fields = tuple(fields)
    tables: dict[str, FieldEmbedding] = {}
    tensors: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    for name, part in by_side(fields).items():
        inputs = FieldInputs(part, tables)
        tensors |= inputs.tensors
        x = mlp(inputs.joined(), hidden, name=name, dropout=dropout)
        x = Dense(dim, name=f"{name}_out")(x)
        outputs[name] = L2Normalise(name=f"{name}_unit")(x)
    network = keras.Model(tensors, outputs, name="two_tower")
    return RetrievalModel.of(network, fields, Objective(temperature, hard_negatives))
