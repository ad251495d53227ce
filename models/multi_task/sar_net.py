"""SAR-Net: behaviours weighed by item and scenario, vectors moved by scenario, experts of each.

Behaviour j counts by a^item_j a^scenario_j, MLPs of [e_j, v, e_j * v], v the target item's vector,
and of [e_j, S], S the row's scenario. All vectors x then go through h = beta_s * x + gamma_s, rows
of the scenario. Shared experts and those of the scenario are mixed by a softmax gate of each task.
A debias expert sees besides whether the impression was promoted, and a fairness coefficient c =
sigmoid(MLP(promoted, S)) weighs it: z = mixed + c D(h, promoted).

Reference: Shen et al., CIKM 2021, https://arxiv.org/abs/2110.06475, section 3. It departs from the
paper in two ways: the scenario in which a behaviour happened is not known here, so S is the row's;
and how the coefficient meets the debias expert is read as a weight of its output.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Concatenate, Dense

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.experts import experts as expert_outputs
from models.layers.experts import gated
from models.layers.masked import mask_of
from models.layers.mlp import mlp
from models.multi_task.domains import columns_of, membership
from models.multi_task.tasks import towers
from models.task_names import Tasks, tasks_of


def sar_net(
    fields: Iterable[Field],
    *,
    tasks: Tasks = ("click",),
    domain: str = "domain",
    promoted: Sequence[str] = (),
    shared_experts: int = 2,
    domain_experts: int = 1,
    hidden: Sequence[int] = (64,),
    tower: Sequence[int] = (64,),
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> {task: logit, (batch, 1)}.

    Args:
        fields: ids and floats of any widths; lists of ids are behaviours, each with its target.
        tasks: names, of a number `name:regression`.
        domain: a float field with a one for the row's scenario and zeros for the others.
        promoted: fields that say whether and how an impression was promoted; none leaves the debias
            expert out.
        shared_experts, domain_experts: of all scenarios, and of each.
        hidden: widths of each expert.
        tower: widths of each task's MLP.

    Raises:
        ConfigurationError: a name that is no field, a list without a target, or tasks or fields
            that do not fit together.
    """
    found = tasks_of(tasks)
    inputs = FieldInputs(fields)
    which = membership(inputs, domain)
    rest = [f for f in inputs.fields if f.name not in (domain, *promoted)]
    x = Concatenate(name="shared.vectors")([_column(inputs, f, which) for f in rest])
    width = x.shape[-1]
    beta = Dense(width, use_bias=False, kernel_initializer="ones", name="shared.beta")(which)
    h = beta * x + Dense(width, use_bias=False, name="shared.gamma")(which)
    outputs = expert_outputs(h, shared_experts, hidden, "shared.expert")
    outputs += [_of_domain(h, which, hidden, f"domain.expert_{n}") for n in range(domain_experts)]
    gate = Concatenate(name="shared.gate_input")([which, h])
    mixed = [gated(gate, outputs, f"{task.name}.gate") for task in found]
    if promoted:
        bias = _debias(h, which, columns_of(inputs, promoted, "promoted"), hidden)
        mixed = [each + bias for each in mixed]
    return keras.Model(inputs.tensors, towers(found, mixed, tower), name="sar_net")


def _column(inputs: FieldInputs, field: Field, which: Any) -> Any:
    """One field as (batch, width); of a list what the target item and the scenario make of it."""
    if not field.is_id:
        return inputs.numbers(field)
    if not field.is_list:
        return inputs.vectors(field)
    e, v = inputs.vectors(field), inputs.target(field)
    mask = mask_of(inputs.tensors[field.name], e.dtype)
    length = field.length or 0
    v, s = (ops.repeat(ops.expand_dims(x, 1), length, axis=1) for x in (v, which))
    weights = [
        _strength([e, v, e * v], f"{field.name}.by_item"),
        _strength([e, s], f"{field.name}.by_scenario"),
    ]
    return ops.sum(weights[0] * weights[1] * ops.expand_dims(mask, -1) * e, axis=1)


def _strength(parts: Sequence[Any], name: str) -> Any:
    """How much each entry counts, (batch, length, 1), in (0, 1)."""
    x = mlp(Concatenate(axis=-1, name=f"{name}_parts")(parts), (16,), name=name)
    return Dense(1, activation="sigmoid", name=f"{name}_weight")(x)


def _of_domain(h: Any, which: Any, hidden: Sequence[int], name: str) -> Any:
    """The expert of the row's own scenario: one MLP for each, of which `which` takes one."""
    found = expert_outputs(h, which.shape[-1], hidden, name)
    return ops.einsum("bd,bdu->bu", which, ops.stack(found, axis=1))


def _debias(h: Any, which: Any, promoted: Any, hidden: Sequence[int]) -> Any:
    """The debias expert's output times the fairness coefficient, (batch, units)."""
    seen = Concatenate(name="debias.input")([h, promoted])
    expert = mlp(seen, hidden, name="debias.expert")
    who = mlp(Concatenate(name="fairness.input")([promoted, which]), (8,), name="fairness")
    return Dense(1, activation="sigmoid", name="fairness_coefficient")(who) * expert
