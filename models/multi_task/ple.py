"""PLE: experts of each task and shared ones, gates between, in several levels.

At a level, task k's gate, which reads what task k has so far, mixes its own and the shared experts;
the shared gate mixes all experts, and goes only where another level follows.

Reference: Tang et al., RecSys 2020, https://doi.org/10.1145/3383313.3412236, eq. 1 to 6. A task's
loss on its own sample space alone (eq. 7): a label of NaN leaves the row out, see
`models.multi_task.losses`; the weight of a task that changes as training goes (eq. 8): `Decaying`.
"""

from collections.abc import Iterable, Sequence

import keras

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import embedded
from models.layers.experts import experts, gated
from models.multi_task.tasks import towers
from models.task_names import Tasks, tasks_of


def ple(
    fields: Iterable[Field],
    *,
    tasks: Tasks = ("click", "conversion"),
    levels: int = 2,
    task_experts: int = 2,
    shared_experts: int = 2,
    hidden: Sequence[int] = (64,),
    tower: Sequence[int] = (64,),
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> {task: logit, (batch, 1)}.

    Args:
        fields: ids and floats of any widths.
        tasks: names, of a number `name:regression`.
        levels: of extraction; one is CGC.
        task_experts, shared_experts: of each task, and of all, at each level.
        hidden: widths of each expert.
        tower: widths of each task's MLP.

    Raises:
        ConfigurationError: no level or no experts, or tasks or fields that do not fit together.
    """
    if min(levels, task_experts, shared_experts) < 1:
        raise ConfigurationError(
            "`levels`, `task_experts` and `shared_experts` must be at least 1. "
            f"Received: {levels}, {task_experts}, {shared_experts}."
        )
    found = tasks_of(tasks)
    inputs, x = embedded(fields)
    own, shared = [x] * len(found), x
    for level in range(levels):
        common = experts(shared, shared_experts, hidden, f"shared.level_{level}.expert")
        special = [
            experts(x, task_experts, hidden, f"{task.name}.level_{level}.expert")
            for task, x in zip(found, own, strict=True)
        ]
        if level < levels - 1:
            everyone = [each for outputs in special for each in outputs] + common
            shared = gated(shared, everyone, f"shared.level_{level}.gate")
        own = [
            gated(x, outputs + common, f"{task.name}.level_{level}.gate")
            for task, x, outputs in zip(found, own, special, strict=True)
        ]
    return keras.Model(inputs, towers(found, own, tower), name="ple")
