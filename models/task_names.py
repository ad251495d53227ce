"""Tasks as options and configurations name them."""

from collections.abc import Mapping, Sequence
from typing import Any

from millstream.domain.tasks import ONLY_TASK
from millstream.errors import ConfigurationError
from models.fields import Task

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


def tasks_in(config: Mapping[str, Any]) -> tuple[Task, ...]:
    """The tasks of a ranker's configuration (`models.rankers`), in their order."""
    return tasks_of(config.get("tasks", (ONLY_TASK,)))


def _parsed(text: str) -> Task:
    name, _, kind = text.partition(":")
    return Task(name, kind or "binary")  # type: ignore[arg-type]
