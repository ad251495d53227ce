"""Tasks as options and configurations name them."""

from collections.abc import Mapping, Sequence
from typing import Any

from millstream.domain.tasks import ONLY_TASK
from millstream.errors import ConfigurationError
from models.fields import Task

Tasks = Sequence[str | Task]


def tasks_of(given: Tasks, least: int = 1) -> tuple[Task, ...]:
    """Tasks with one output each from their names: `click`, or `stars:regression`.

    Raises:
        ConfigurationError: fewer than `least`, a name that comes twice, an unknown kind, or a
            multi-class task, of which a network takes the `outputs_of`.

    >>> tasks_of(["click", "stars:regression"])[1].kind
    'regression'
    """
    tasks = _parsed(given, least)
    for task in tasks:
        if task.classes:
            outputs = ", ".join(output.name for output in task.outputs)
            raise ConfigurationError(
                f"`tasks` of a network must have one output each: {outputs}. "
                f"Received: {task.name!r} of several classes."
            )
    return tasks


def tasks_in(config: Mapping[str, Any]) -> tuple[Task, ...]:
    """The tasks of a ranker's configuration (`models.rankers`), in their order.

    Those of several classes are written as `mood:multiclass(sad,glad)`.
    """
    return _parsed(config.get("tasks", (ONLY_TASK,)))


def _parsed(given: Tasks, least: int = 1) -> tuple[Task, ...]:
    tasks = tuple(t if isinstance(t, Task) else _task(t) for t in given)
    names = [task.name for task in tasks]
    if len(names) < least or len(set(names)) < len(names):
        raise ConfigurationError(
            f"`tasks` must be at least {least}, of different names. Received: {names}."
        )
    return tasks


def outputs_of(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """The outputs of a network with these tasks, in their order: a multi-class task has several.

    >>> [each.name for each in outputs_of([Task("mood", "multiclass", ("sad", "glad"))])]
    ['mood.sad', 'mood.glad']
    """
    return tuple(output for task in tasks for output in task.outputs)


def _task(text: str) -> Task:
    name, _, kind = text.partition(":")
    kind, _, classes = kind.removesuffix(")").partition("(")
    return Task(name, kind or "binary", tuple(classes.split(",")) if classes else ())  # type: ignore[arg-type]
