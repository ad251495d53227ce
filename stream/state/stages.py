"""Stages of a list's life: the tasks that wait for feedback equally long end together."""

from collections.abc import Sequence
from typing import NamedTuple

from features.labels import LabelTask


class Stage(NamedTuple):
    """What ends together, a time after a list was shown; tasks are named by their places.

    Args:
        window_s: the time.
        tasks: those whose window ends: what has no feedback becomes a negative of theirs.
        over: those that no feedback teaches any more; of a task that is corrected later than its
            window a stage of its own.
    """

    window_s: float
    tasks: tuple[int, ...]
    over: tuple[int, ...]


def stages_of(tasks: Sequence[LabelTask], window_s: float) -> tuple[Stage, ...]:
    """The stages of some tasks, the shortest window first.

    Args:
        window_s: of tasks that have none of their own.

    >>> [stage.tasks for stage in stages_of([LabelTask("click"), LabelTask("stars")], 900.0)]
    [(0, 1)]
    """
    windows = [task.window_s or window_s for task in tasks]
    ends = [max(window, t.corrected_s or 0.0) for window, t in zip(windows, tasks, strict=True)]

    def at(lengths: Sequence[float], wanted: float) -> tuple[int, ...]:
        return tuple(n for n, length in enumerate(lengths) if length == wanted)

    return tuple(
        Stage(length, at(windows, length), at(ends, length)) for length in sorted({*windows, *ends})
    )
