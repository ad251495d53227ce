"""Tasks as options name them, and one head of a network alone."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras.layers import Dense

from millstream.errors import ConfigurationError
from models.fields import Task
from models.layers.mlp import mlp

Tasks = Sequence[str | Task]


def tasks_of(given: Tasks, least: int = 1) -> tuple[Task, ...]:
    """Tasks from their names: `click`, or `stars:regression`.

    Raises:
        ConfigurationError: fewer than `least`, a name that comes twice, or an unknown kind.

    >>> tasks_of(["click", "stars:regression"])[1]
    Task(name='stars', kind='regression')
    """
    tasks = tuple(t if isinstance(t, Task) else _parsed(t) for t in given)
    names = [task.name for task in tasks]
    if len(names) < least or len(set(names)) < len(names):
        raise ConfigurationError(
            f"`tasks` must be at least {least}, of different names. Received: {names}."
        )
    return tasks


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


def _parsed(text: str) -> Task:
    name, _, kind = text.partition(":")
    return Task(name, kind or "binary")  # type: ignore[arg-type]
