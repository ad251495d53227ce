"""M2M: a scenario's vector makes the weights by which experts are attended to and towers run.

a_i = v^T ReLU(Meta_S([E_i, T_k])), alpha = softmax over experts, R_k = sum_i alpha_i E_i; tower
layer: LeakyReLU(Meta_S(R) + R). T_k is the task's vector, S an MLP of the scenario's fields.

Reference: Zhang et al., WSDM 2022, https://arxiv.org/abs/2201.06814, section 4.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Concatenate, Dense, LeakyReLU

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.experts import experts as expert_outputs
from models.layers.learned_vector import LearnedVector
from models.layers.meta_unit import MetaUnit
from models.layers.mlp import mlp
from models.multi_task.domains import columns_of
from models.task_names import Tasks, tasks_of


def m2m(
    fields: Iterable[Field],
    *,
    tasks: Tasks = ("click", "conversion"),
    scenario: Sequence[str] = ("domain",),
    experts: int = 4,
    hidden: Sequence[int] = (64,),
    units: int = 32,
    scenario_units: int = 16,
    tower: int = 1,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> {task: logit, (batch, 1)}.

    Args:
        fields: ids and floats of any widths.
        tasks: names, of a number `name:regression`.
        scenario: fields that say which scenario a row is of.
        experts: MLPs that all tasks share.
        hidden: widths of each expert before its `units`.
        units: of experts, task vectors and towers.
        scenario_units: of the scenario's vector.
        tower: layers of each tower.

    Raises:
        ConfigurationError: a name that is no field, or tasks or fields that do not fit together.
    """
    found = tasks_of(tasks)
    inputs = FieldInputs(fields)
    x = inputs.joined()
    s = mlp(columns_of(inputs, scenario, "scenario"), (scenario_units,), name="shared.scenario")
    views = ops.stack(expert_outputs(x, experts, (*hidden, units), "shared.expert"), axis=1)
    outputs: dict[str, Any] = {}
    for task in found:
        own = LearnedVector(units, name=f"{task.name}.vector")(x)
        r = _attended(views, own, s, task.name, experts)
        for i in range(tower):
            r = LeakyReLU(name=f"{task.name}.tower_{i}_leaky")(
                MetaUnit(units, name=f"{task.name}.tower_{i}")(r, s) + r
            )
        outputs[task.name] = Dense(1, name=f"{task.name}.logit")(r)
    return keras.Model(inputs.tensors, outputs, name="m2m")


def _attended(views: Any, own: Any, s: Any, task: str, experts: int) -> Any:
    """sum_i alpha_i E_i for a task, (batch, units)."""
    repeated = ops.repeat(ops.expand_dims(own, 1), experts, axis=1)
    both = Concatenate(axis=-1, name=f"{task}.both")([views, repeated])
    met = ops.relu(MetaUnit(own.shape[-1], name=f"{task}.attention")(both, s))
    scores = Dense(1, use_bias=False, name=f"{task}.attention_v")(met)
    return ops.sum(ops.softmax(scores, axis=1) * views, axis=1)
