"""A tower for each task, and one head of a network alone."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras.layers import Dense

from millstream.errors import ConfigurationError
from models.fields import Task
from models.layers.mlp import mlp


def towers(tasks: Sequence[Task], by_task: Iterable[Any], hidden: Sequence[int]) -> dict[str, Any]:
    """{task: (batch, 1)}: an MLP and one number for each task, from its own (batch, width)."""
    return {
        task.name: Dense(1, name=f"{task.name}.logit")(mlp(x, hidden, name=f"{task.name}.tower"))
        for task, x in zip(tasks, by_task, strict=True)
    }


def head(model: keras.Model, task: str) -> keras.Model:
    """One output of a network, as a ranker with a single output: its weights are the network's.

    Raises:
        ConfigurationError: the network has no such task.
    """
    if task not in model.output:
        raise ConfigurationError(
            f"`task` must be one of {sorted(model.output)}. Received: {task!r}."
        )
    return keras.Model(model.input, model.output[task], name=f"{model.name}.{task}")
