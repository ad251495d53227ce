"""Deep Session Interest Network: self-attention finds an interest I_k behind each session of the
user's behaviours, a bi-directional LSTM makes H_k of their sequence, and the target attends to
both, U = sum_k softmax_k(I_k W v) I_k; an MLP on both U and all other fields.

Where there is one session alone (a list without `times`, or `sessions` of 1), its interest stands
for itself: attention over one and an LSTM of one step have weights that nothing could teach. Each
head looks at the whole vector, as in Vaswani et al. (2017), where the paper cuts it up before.

Reference: Feng et al., IJCAI 2019, https://arxiv.org/abs/1905.06482, eq. 1 to 10.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Concatenate, Dense, Dot

from models.behaviours import columns_with
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.mlp import mlp
from models.layers.relevance import Relevance
from models.layers.sessions import SessionEvolution, SessionInterest, Sessions


def dsin(
    fields: Iterable[Field],
    *,
    sessions: int = 5,
    entries: int = 10,
    gap_s: float = 1800.0,
    heads: int = 2,
    hidden: Sequence[int] = (200, 80),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats of any widths; every list with a target is a list of behaviours,
            whose `times` say where a session ends.
        sessions: the newest that are looked at.
        entries: of each session, the newest that are looked at.
        gap_s: seconds between two entries, above which a new session begins.
        heads: of self-attention.
        hidden: widths of the MLP.
        dropout: of the MLP.

    Raises:
        ConfigurationError: no list has a target, or fields do not fit together.
    """
    inputs = FieldInputs(fields)

    def interest(field: Field) -> keras.KerasTensor:
        given = [inputs.vectors(field), inputs.tensors[field.name]]
        if field.times is not None:
            given.append(inputs.tensors[field.times])
        most = 1 if field.times is None else sessions
        parts, there = Sessions(most, entries, gap_s, name=f"sessions.{field.name}")(*given)
        extractor = SessionInterest(heads, name=f"interest.{field.name}")
        interests, present = extractor(parts, there)
        return _activated(interests, present, inputs.target(field), field.name)

    x = Concatenate(name="joined")(columns_with(inputs, interest))
    x = mlp(x, hidden, name="deep", dropout=dropout)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(x), name="dsin")


def _activated(
    interests: keras.KerasTensor, present: keras.KerasTensor, target: keras.KerasTensor, name: str
) -> keras.KerasTensor:
    """U^I and U^H of (batch, sessions, width), side by side."""
    if interests.shape[1] == 1:
        return interests[:, 0]
    evolved = SessionEvolution(name=f"evolution.{name}")(interests, present)
    weights = Relevance(name=f"attention.{name}")(interests, present, target)
    evolved_weights = Relevance(name=f"evolved_attention.{name}")(evolved, present, target)
    both = [Dot(axes=1)([weights, interests]), Dot(axes=1)([evolved_weights, evolved])]
    return Concatenate()(both)
