"""The loss of a single task on the outputs of a ranking network."""

import keras

from models.fields import Task


def pointwise(task: Task) -> keras.losses.Loss:
    """Binary cross-entropy on the logit, or squared error; of each row, (batch,).

    >>> pointwise(Task("click")).name
    'click'
    """
    if task.kind == "binary":
        return keras.losses.BinaryCrossentropy(from_logits=True, name=task.name, reduction=None)
    return keras.losses.MeanSquaredError(name=task.name, reduction=None)
