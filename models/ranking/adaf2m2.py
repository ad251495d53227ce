"""AdaF2M2: fields weighted by the state of user and item, and rows learnt with fields hidden too.

Adapter: e'_i = s_i e_i, s = 2 sigmoid(A(state)). The state of an id is the norm of its vector,
which grows with what was learnt of it, beside numbers such as counts that are named. The base model
on [e'_1, ..., e'_f] is DCN-V2, cross layers beside an MLP; the paper's framework takes any.

Feature mask: in training, the same layers also score copies of each row in which the vectors e_i of
random fields are zeros, each copy with a share p ~ U[low, high) of its own, and the mean of the
copies' binary cross-entropies is added to the loss.

A functional network sees no labels. Its copies' loss is therefore written against the row's own
prediction, and the rest of the slope comes in through the row's logit; together they are the
slope on the labels, as in the paper, wherever the output is trained by binary cross-entropy (see
`LearnFromCopies`). It departs from the paper in two ways: the loss that is shown holds the copies'
distance from the prediction, and weights of rows act on the part through the logit alone.

Reference: Zhu et al., DASFAA 2025, https://arxiv.org/abs/2501.15816, section 3. That s lies
in (0, 2) is chosen here, for all weights to begin near 1.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Concatenate, Dense, Flatten, Rescaling

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.cross import Cross
from models.layers.feature_mask import FeatureMask, LearnFromCopies
from models.layers.mlp import mlp
from models.layers.stacked import stacked
from models.layers.vector_norms import VectorNorms


def adaf2m2(
    fields: Iterable[Field],
    *,
    state: Sequence[str] | None = None,
    adapter_hidden: Sequence[int] = (32,),
    copies: int = 2,
    low: float = 0.1,
    high: float = 0.5,
    copies_weight: float = 1.0,
    crosses: int = 2,
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids of one width, and floats, whose vectors are V x.
        state: names of floats by which the adapter knows users and items, beside the ids' norms;
            None is every float that belongs to either, such as their counts.
        adapter_hidden: widths of the adapter's hidden layers.
        copies: of each row with fields hidden, in training; 0 is the adapter alone.
        low, high: bounds of the probability that a field of a copy is hidden.
        copies_weight: of the copies' loss.
        crosses: cross layers.
        hidden: widths of the MLP.
        dropout: of the MLP.

    Raises:
        ConfigurationError: `state` names what is no float, probabilities out of order, ids of
            different widths, or fields that do not fit together.
    """
    if not 0 <= low <= high <= 1:
        raise ConfigurationError(
            f"`low` and `high` must be in order, in [0, 1]. Received: {low!r}, {high!r}."
        )
    inputs = FieldInputs(fields)
    vectors = stacked(inputs.even_vectors())
    scales = _adapter(inputs, vectors, state, adapter_hidden)
    x0 = Flatten(name="adapted")(vectors * ops.expand_dims(scales, -1))
    if copies:
        masked = FeatureMask(copies, low, high, name="masked")(vectors)
        x0 = Concatenate(axis=1, name="rows")([ops.expand_dims(x0, 1), masked])
    x = x0
    for i in range(crosses):
        x = Cross(name=f"cross_{i}")(x0, x)
    deep = mlp(x0, hidden, name="deep", dropout=dropout)
    logit = Dense(1, name="logit")(Concatenate(name="joined")([x, deep]))
    if copies:
        logit = LearnFromCopies(copies_weight, name="copies")(logit)
    return keras.Model(inputs.tensors, logit, name="adaf2m2")


def _adapter(
    inputs: FieldInputs, vectors: Any, state: Sequence[str] | None, hidden: Sequence[int]
) -> Any:
    """The weight of every field, (batch, fields)."""
    floats = {f.name: f for f in inputs.fields if not f.is_id}
    if state is None:
        state = [name for name, f in floats.items() if f.belongs_to in ("user", "item")]
    if unknown := sorted(set(state) - set(floats)):
        raise ConfigurationError(
            f"`state` must name floats, of {sorted(floats)}. Received: {unknown}."
        )
    ids = [i for i, f in enumerate(inputs.fields) if f.is_id]
    known = [VectorNorms(name="norms")(ops.take(vectors, ids, axis=1))]
    known += [inputs.numbers(floats[name]) for name in state]
    x = mlp(Concatenate(name="state")(known), hidden, name="adapter")
    x = Dense(len(inputs.fields), activation="sigmoid", name="adapter_scale")(x)
    return Rescaling(2.0, name="adapter_range")(x)
