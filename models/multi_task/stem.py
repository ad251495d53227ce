"""STEM: tables of each task beside shared ones; a task learns from others without moving them.

Each group (every task, and what they share) has embedding tables of its own and experts on them.
Task k's gate reads its own vectors and mixes all experts, those of other tasks behind a
stop-gradient: f_k = sum_i g_i E_i, own and shared ones as they are, sg(E_i) otherwise.

AME is the same with tables of different widths, and every expert open to every gate.

References: STEM: Su et al., AAAI 2024, https://arxiv.org/abs/2308.13537, section 4; AME: Pan et
al., KDD 2024, https://arxiv.org/abs/2403.00793, section 5.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Concatenate

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.experts import experts as expert_outputs
from models.layers.experts import gated
from models.multi_task.tasks import towers
from models.task_names import Tasks, tasks_of


def stem(
    fields: Iterable[Field],
    *,
    tasks: Tasks = ("click", "conversion"),
    experts: int = 2,
    hidden: Sequence[int] = (64,),
    tower: Sequence[int] = (64,),
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> {task: logit, (batch, 1)}.

    Args:
        fields: ids and floats of any widths.
        tasks: two or more names, of a number `name:regression`.
        experts: of each group.
        hidden: widths of each expert.
        tower: widths of each task's MLP.

    Raises:
        ConfigurationError: tasks or fields that do not fit together.
    """
    found = tasks_of(tasks, least=2)
    inputs = FieldInputs(fields)
    groups = [None, *(f"{task.name}_rows" for task in found)]  # the shared one first
    vectors = [_joined(inputs, role, None) for role in groups]
    names = ["shared", *(task.name for task in found)]
    outputs = [
        expert_outputs(x, experts, hidden, f"{name}.expert")
        for name, x in zip(names, vectors, strict=True)
    ]
    mixed = []
    for k, task in enumerate(found, 1):
        seen = [
            each if group in (0, k) else ops.stop_gradient(each)
            for group, some in enumerate(outputs)
            for each in some
        ]
        mixed.append(gated(vectors[k], seen, f"{task.name}.gate"))
    return keras.Model(inputs.tensors, towers(found, mixed, tower), name="stem")


def ame(
    fields: Iterable[Field],
    *,
    tasks: Tasks = ("click", "conversion"),
    widths: Sequence[int] = (8, 32),
    experts: int = 2,
    hidden: Sequence[int] = (64,),
    tower: Sequence[int] = (64,),
) -> keras.Model:
    """The same with tables that differ in width, for tasks that differ in how much data they have.

    Args:
        fields, tasks, experts, hidden, tower: as of `stem`.
        widths: of the rows of each group of tables, beside those of the fields' own width.

    Raises:
        ConfigurationError: no `widths`, or tasks or fields that do not fit together.
    """
    if not widths or min(widths) < 1:
        raise ConfigurationError(f"`widths` must be at least 1 each. Received: {tuple(widths)}.")
    found = tasks_of(tasks)
    inputs = FieldInputs(fields)
    vectors = [_joined(inputs, None, None)]
    vectors += [_joined(inputs, f"rows_{n}", width) for n, width in enumerate(widths)]
    outputs = [
        each
        for n, x in enumerate(vectors)
        for each in expert_outputs(x, experts, hidden, f"shared.group_{n}.expert")
    ]
    everything = Concatenate(name="shared.all_vectors")(vectors)
    mixed = [gated(everything, outputs, f"{task.name}.gate") for task in found]
    return keras.Model(inputs.tensors, towers(found, mixed, tower), name="ame")


def _joined(inputs: FieldInputs, role: str | None, width: int | None) -> Any:
    """All fields side by side, ids from their tables in that role."""
    return Concatenate()(
        [
            inputs.pooled(f, role=role, width=width) if f.is_id else inputs.numbers(f)
            for f in inputs.fields
        ]
    )
