"""The loss of each task, on the rows that are of its sample space."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from models.fields import Task
from models.losses.pointwise import pointwise


def task_losses(
    tasks: Sequence[Task], outputs: Mapping[str, Any], labels: Mapping[str, Any]
) -> list[Any]:
    """The mean loss of each task, a scalar: cross-entropy on its logit, or squared error.

    They are not one tensor: then a weight that a loss does not depend on has no gradient for it.

    Args:
        tasks: in the order of the result.
        outputs: of the network, (batch, 1) each.
        labels: (batch,) each; NaN where a row is not of the task's sample space, and has no part in
            its loss. A batch without such rows has loss 0.
    """
    return [_of(task, outputs[task.name], labels[task.name]) for task in tasks]


def _of(task: Task, output: Any, label: Any) -> Any:
    label = ops.reshape(ops.cast(label, "float32"), (-1, 1))
    counts = ops.logical_not(ops.isnan(label))
    label = ops.where(counts, label, ops.zeros_like(label))
    each = pointwise(task)(label, output)
    weights = ops.cast(counts[:, 0], each.dtype)
    return ops.sum(weights * each) / ops.maximum(ops.sum(weights), 1.0)
