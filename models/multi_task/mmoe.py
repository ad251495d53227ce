"""MMoE: experts that all tasks share, a gate for each. f_k = sum_i softmax_i(W_k x) E_i(x).

Reference: Ma et al., KDD 2018, https://doi.org/10.1145/3219819.3220007, eq. 6 and 7.
"""

from collections.abc import Iterable, Sequence

import keras

from models.fields import Field
from models.inputs import embedded
from models.layers.experts import experts as expert_outputs
from models.layers.experts import gated
from models.multi_task.tasks import towers
from models.task_names import Tasks, tasks_of


def mmoe(
    fields: Iterable[Field],
    *,
    tasks: Tasks = ("click", "conversion"),
    experts: int = 4,
    hidden: Sequence[int] = (128, 64),
    tower: Sequence[int] = (64,),
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> {task: logit, (batch, 1)}.

    Args:
        fields: ids and floats of any widths.
        tasks: names, of a number `name:regression`.
        experts: MLPs that all tasks share.
        hidden: widths of each expert.
        tower: widths of each task's MLP.

    Raises:
        ConfigurationError: tasks or fields that do not fit together.
    """
    found = tasks_of(tasks)
    inputs, x = embedded(fields)
    outputs = expert_outputs(x, experts, hidden, "shared.expert")
    mixed = [gated(x, outputs, f"{task.name}.gate") for task in found]
    return keras.Model(inputs, towers(found, mixed, tower), name="mmoe")
