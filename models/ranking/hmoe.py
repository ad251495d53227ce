"""HMoE: experts that see fields meet in different ways, in groups with tables of their own.

o_k = MLP_k(interaction_k(e)), where e are the vectors in the tables of the expert's group. The
logit is w^T o + b, o = sum_k softmax_k(W x) o_k (`gate`; x are the vectors of all tables), or
sum_k w_k o_k (`weighted`), or sum_k o_k (`sum`).

Interactions: `flat` takes the vectors as they are; `fm` their products, element-wise, summed over
all pairs; `inner` the inner products of all pairs beside the vectors (IPNN); `cross` the cross
layers of DCN-V2; `gwpfm` the group-weighted part-aware products.

Reference: Pan et al., KDD 2024, https://arxiv.org/abs/2403.00793, section 4 and figure 1.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import keras
from keras import ops
from keras.layers import Concatenate, Dense

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bi_interaction import BiInteraction
from models.layers.cross import Cross
from models.layers.mlp import mlp
from models.layers.pairs import PairDots
from models.layers.parts import GroupAware
from models.ranking.gwpfm import group_numbers

EXPERTS = ("flat", "fm", "inner", "cross", "gwpfm")
COMBINATIONS = ("gate", "weighted", "sum")


def hmoe(
    fields: Iterable[Field],
    *,
    experts: Sequence[Sequence[str]] = (("inner", "flat"), ("cross",), ("gwpfm",)),
    combine: Literal["gate", "weighted", "sum"] = "gate",
    crosses: int = 2,
    units: int = 64,
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: two or more: ids of one width, and floats, whose vectors are V x. `gwpfm` goes by
            `Field.group`; a field without one is a group of its own.
        experts: groups of interactions; each group has tables of its own. `gwpfm`, which has a
            vector of that width for each group of fields, must be alone in its group.
        combine: how the experts' outputs become one.
        crosses: cross layers of `cross`.
        units: of each expert's output.
        hidden: widths of each expert's MLP.
        dropout: of each expert's MLP.

    Raises:
        ConfigurationError: an unknown interaction or `combine`, fewer than two experts or fields,
            `gwpfm` in company, ids of different widths, or fields that do not fit together.
    """
    _check(experts, combine)
    inputs = FieldInputs(fields)
    plain, groups = inputs.even_vectors(), group_numbers(inputs.fields)
    outputs: list[Any] = []
    seen: list[Any] = []
    for g, names in enumerate(experts):
        parts = max(groups) + 1 if "gwpfm" in names else 1
        width = parts * plain[0].shape[-1]
        first = g == 0 and "gwpfm" not in names
        vectors = plain if first else _vectors(inputs, f"experts_{g}", width)
        seen += vectors
        for name in names:
            k = f"expert_{len(outputs)}"
            x = _interaction(name, vectors, k, crosses, groups)
            x = mlp(x, hidden, name=k, dropout=dropout)
            outputs.append(Dense(units, name=f"{k}_output")(x))
    x = _combined(combine, outputs, seen)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(x), name="hmoe")


def _vectors(inputs: FieldInputs, role: str, width: int) -> list[Any]:
    """Every field as one vector of its tables in that role, (batch, width)."""
    return [
        inputs.pooled(f, role=role, width=width)
        if f.is_id
        else Dense(width, use_bias=False, name=f"{role}.{f.name}")(inputs.numbers(f))
        for f in inputs.fields
    ]


def _interaction(
    kind: str, vectors: Sequence[Any], name: str, crosses: int, groups: Sequence[int]
) -> Any:
    if kind == "fm":
        return BiInteraction(name=f"{name}_fm")(vectors)
    if kind == "gwpfm":
        return GroupAware(groups, name=f"{name}_gwpfm")(vectors)
    x0 = Concatenate(name=f"{name}_vectors")(vectors)
    if kind == "inner":
        return Concatenate(name=f"{name}_joined")([x0, PairDots(name=f"{name}_dots")(vectors)])
    x = x0
    for i in range(crosses if kind == "cross" else 0):
        x = Cross(name=f"{name}_cross_{i}")(x0, x)
    return x


def _combined(combine: str, outputs: Sequence[Any], vectors: Sequence[Any]) -> Any:
    """The experts' outputs, each (batch, units), as one."""
    stacked = ops.stack(outputs, axis=1)
    if combine == "gate":
        x = Concatenate(name="gate_vectors")(vectors)
        gates = Dense(len(outputs), activation="softmax", name="gate")(x)
        return ops.einsum("bk,bku->bu", gates, stacked)
    if combine == "weighted":
        by_unit = ops.transpose(stacked, (0, 2, 1))
        ones = Dense(1, use_bias=False, kernel_initializer="ones", name="weights")
        return ops.squeeze(ones(by_unit), axis=-1)
    return ops.sum(stacked, axis=1)


def _check(experts: Sequence[Sequence[str]], combine: str) -> None:
    names = [name for group in experts for name in group]
    if unknown := sorted(set(names) - set(EXPERTS)):
        raise ConfigurationError(f"`experts` must be among {EXPERTS}. Received: {unknown}.")
    if len(names) < 2:
        raise ConfigurationError(f"`experts` must be at least two. Received: {names}.")
    if any("gwpfm" in group and len(group) > 1 for group in experts):
        raise ConfigurationError(
            f"`gwpfm` must be alone in its group of `experts`. Received: {experts!r}."
        )
    if combine not in COMBINATIONS:
        raise ConfigurationError(f"`combine` must be one of {COMBINATIONS}. Received: {combine!r}.")
