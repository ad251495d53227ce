"""DualMLP and FinalMLP: two MLPs side by side, each for what the other does not see.

DualMLP: b + w^T [MLP_1(e), MLP_2(e)], on the vectors e of all fields.

FinalMLP gives each stream features of its own and lets the two outputs multiply:
h_s = 2 sigmoid(Gate_s(x_s)) * e, o_s = MLP_s(h_s), and the logit is
b + w_1^T o_1 + w_2^T o_2 + sum_k o_1k^T W_k o_2k. The context x_s of a gate is some of the fields:
those of the user for the first stream, those of the item for the second; or a learnt vector.

The gates read the vectors that the streams read. (The authors' code has further tables for them.)
Widths and heads are by default those of a published run on Frappe.

Reference: Mao et al., AAAI 2023, https://arxiv.org/abs/2304.00902.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras.layers import Concatenate, Dense, Multiply, Rescaling

from millstream.errors import ConfigurationError
from models.fields import Field, Side
from models.inputs import FieldInputs, embedded
from models.layers.bilinear_fusion import BilinearFusion
from models.layers.learned_vector import LearnedVector
from models.layers.mlp import mlp


def dual_mlp(
    fields: Iterable[Field],
    *,
    hidden: Sequence[int] = (256, 128),
    hidden_2: Sequence[int] | None = None,
    dropout: float = 0.0,
    batch_norm: bool = False,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats of any widths.
        hidden: widths of the first MLP.
        hidden_2: widths of the second; None is those of the first.
        dropout: of both MLPs.
        batch_norm: of both MLPs, before each activation.

    Raises:
        ConfigurationError: fields that do not fit together.
    """
    inputs, e = embedded(fields)
    streams = (("first", hidden), ("second", hidden if hidden_2 is None else hidden_2))
    first, second = (
        mlp(e, widths, name=name, dropout=dropout, batch_norm=batch_norm)
        for name, widths in streams
    )
    x = Concatenate(name="joined")([first, second])
    return keras.Model(inputs, Dense(1, name="logit")(x), name="dual_mlp")


def final_mlp(
    fields: Iterable[Field],
    *,
    gate_1: Sequence[str] | None = None,
    gate_2: Sequence[str] | None = None,
    gate_hidden: Sequence[int] = (400,),
    heads: int = 5,
    hidden: Sequence[int] = (400,),
    hidden_2: Sequence[int] | None = (100,),
    dropout: float = 0.0,
    batch_norm: bool = False,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats of any widths.
        gate_1: names of the fields that the first stream's gate reads; None is those that belong
            to the user. A gate without fields has a learnt vector for its context.
        gate_2: of the second stream's; None is those that belong to the item.
        gate_hidden: widths of the hidden layers of each gate.
        heads: parts that the outputs are cut into before they multiply.
        hidden: widths of the first MLP.
        hidden_2: widths of the second; None is those of the first.
        dropout: of both MLPs.
        batch_norm: of both MLPs, before each activation, as in the published runs. Not for one pass
            over time, where a batch is of few users.

    Raises:
        ConfigurationError: a gate names an unknown field, more heads than values in an output, or
            fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    columns = inputs.columns()
    e = Concatenate(name="vectors")(columns)
    by_name = {f.name: x for f, x in zip(inputs.fields, columns, strict=True)}
    sides = (
        ("first", _names("gate_1", gate_1, "user", inputs.fields), hidden),
        (
            "second",
            _names("gate_2", gate_2, "item", inputs.fields),
            hidden if hidden_2 is None else hidden_2,
        ),
    )
    streams = []
    for stream, names, widths in sides:
        gated = _gated(e, [by_name[name] for name in names], gate_hidden, f"{stream}_gate")
        streams.append(mlp(gated, widths, name=stream, dropout=dropout, batch_norm=batch_norm))
    logit = BilinearFusion(heads, name="logit")(*streams)
    return keras.Model(inputs.tensors, logit, name="final_mlp")


def _names(
    option: str, names: Sequence[str] | None, side: Side, fields: Sequence[Field]
) -> list[str]:
    if names is None:
        return [f.name for f in fields if f.belongs_to == side]
    known = [f.name for f in fields]
    if unknown := sorted(set(names) - set(known)):
        raise ConfigurationError(f"`{option}` must name fields of {known}. Received: {unknown}.")
    return list(names)


def _gated(e: Any, context: Sequence[Any], hidden: Sequence[int], name: str) -> Any:
    """2 sigmoid(Gate(x)) * e: each value of e is scaled by something in (0, 2)."""
    if context:
        x = Concatenate(name=f"{name}_context")(context)
    else:
        x = LearnedVector(e.shape[-1], name=f"{name}_context")(e)
    x = mlp(x, hidden, name=name)
    scale = Dense(e.shape[-1], activation="sigmoid", name=f"{name}_scale")(x)
    return Multiply(name=f"{name}_product")([e, Rescaling(2.0, name=f"{name}_range")(scale)])
