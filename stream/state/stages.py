"""Stages of a list's life: the tasks that wait for feedback equally long end together."""

from collections.abc import Sequence
from typing import NamedTuple

from features.labels import LabelTask


class Stage(NamedTuple):
    """Tasks whose windows end together.

    Args:
        window_s: how long after a list was shown they wait for feedback.
        tasks: places of them among all tasks.
    """

    window_s: float
    tasks: tuple[int, ...]


def stages_of(tasks: Sequence[LabelTask], window_s: float) -> tuple[Stage, ...]:
    """The stages of some tasks, the shortest window first.

    Args:
        window_s: of tasks that have none of their own.

    >>> [stage.tasks for stage in stages_of([LabelTask("click"), LabelTask("stars")], 900.0)]
    [(0, 1)]
    """
    windows = [task.window_s or window_s for task in tasks]
    return tuple(
        Stage(length, tuple(n for n, each in enumerate(windows) if each == length))
        for length in sorted(set(windows))
    )
