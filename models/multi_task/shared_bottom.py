"""Shared bottom: one MLP for all tasks, a tower for each. logit_k = w_k^T tower_k(MLP(x)) + b_k.

Reference: Caruana, Machine Learning 1997, https://doi.org/10.1023/A:1007379606734; Ruder, 2017,
https://arxiv.org/abs/1706.05098, section 2 (hard sharing).
"""

from collections.abc import Iterable, Sequence

import keras

from models.fields import Field
from models.inputs import embedded
from models.layers.mlp import mlp
from models.multi_task.tasks import towers
from models.task_names import Tasks, tasks_of


def shared_bottom(
    fields: Iterable[Field],
    *,
    tasks: Tasks = ("click", "conversion"),
    hidden: Sequence[int] = (256, 128),
    tower: Sequence[int] = (64,),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> {task: logit, (batch, 1)}.

    Args:
        fields: ids and floats of any widths.
        tasks: names, of a number `name:regression`.
        hidden: widths of the shared MLP.
        tower: widths of each task's MLP.
        dropout: of the shared MLP.

    Raises:
        ConfigurationError: tasks or fields that do not fit together.
    """
    found = tasks_of(tasks)
    inputs, x = embedded(fields)
    x = mlp(x, hidden, name="shared", dropout=dropout)
    return keras.Model(inputs, towers(found, [x] * len(found), tower), name="shared_bottom")
