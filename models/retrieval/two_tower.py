"""Two towers: a query (user, context) and a candidate (item) become unit vectors; s = q . c.

The softmax that trains them is in `models.losses.sampled_softmax`.

Reference: Yi et al., RecSys 2019, https://doi.org/10.1145/3298689.3346996, section 3; mixed
negatives: Yang et al., WWW 2020 companion, https://doi.org/10.1145/3366424.3386195.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras.layers import Dense

from millstream.errors import ConfigurationError
from models.fields import Field, checked
from models.inputs import FieldInputs
from models.layers.field_embedding import FieldEmbedding
from models.layers.l2_normalise import L2Normalise
from models.layers.mlp import mlp

TOWERS = {"query": ("user", "context"), "candidate": ("item",)}


@dataclass(frozen=True)
class TwoTower:
    """Two networks; fields that share a table share its rows across the towers.

    Args:
        model: both in one, `{field: ...} -> {"query": ..., "candidate": ...}`: what is saved.
        query: query fields -> unit vectors, (batch, dim).
        candidate: candidate fields -> unit vectors, (batch, dim).
    """

    model: keras.Model
    query: keras.Model
    candidate: keras.Model

    @classmethod
    def of(cls, model: keras.Model, fields: Iterable[Field]) -> "TwoTower":
        """The towers of a joint model, such as one that was saved and loaded."""
        parts = _by_tower(fields)
        query, candidate = (_tower(model, name, parts[name]) for name in TOWERS)
        return cls(model, query, candidate)


def two_tower(
    fields: Iterable[Field],
    *,
    dim: int = 32,
    hidden: Sequence[int] = (128,),
    dropout: float = 0.0,
) -> TwoTower:
    """Build both towers from one list of fields.

    Args:
        fields: those of `user` and `context` make the query, those of `item` the candidate; those
            of `cross` need both sides and are left out.
        dim: width of the common space.
        hidden: widths of each tower's hidden layers.
        dropout: of the hidden layers.

    Raises:
        ConfigurationError: a field does not say what it belongs to, or a tower has no field.
    """
    fields = checked(fields)
    tables: dict[str, FieldEmbedding] = {}
    tensors: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    for name, part in _by_tower(fields).items():
        inputs = FieldInputs(part, tables)
        tensors |= inputs.tensors
        x = mlp(inputs.joined(), hidden, name=name, dropout=dropout)
        x = Dense(dim, name=f"{name}_out")(x)
        outputs[name] = L2Normalise(name=f"{name}_unit")(x)
    return TwoTower.of(keras.Model(tensors, outputs, name="two_tower"), fields)


def _by_tower(fields: Iterable[Field]) -> dict[str, tuple[Field, ...]]:
    fields = tuple(fields)
    if nowhere := [f.name for f in fields if f.belongs_to is None]:
        raise ConfigurationError(
            f"`belongs_to` of a two-tower field must be given. Received: None for {nowhere}."
        )
    towers = {
        name: tuple(f for f in fields if f.belongs_to in sides) for name, sides in TOWERS.items()
    }
    for name, part in towers.items():
        if not part:
            raise ConfigurationError(
                f"`fields` must have one that belongs to {' or '.join(TOWERS[name])}, for the "
                f"{name} tower. Received: {[f.name for f in fields]}."
            )
    return towers


def _tower(model: keras.Model, name: str, fields: Iterable[Field]) -> keras.Model:
    return keras.Model({f.name: model.input[f.name] for f in fields}, model.output[name], name=name)
