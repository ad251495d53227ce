"""Labels of an interaction, as the domain says: by its kind, and for each task."""

from dataclasses import dataclass

from millstream.domain import domain
from millstream.domain.tasks import ONLY_TASK, Task
from millstream.events import Kind

_NAN = float("nan")
_KINDS = domain().kinds
_FIXED = {name: kind.labelled(None) for name, kind in _KINDS.items() if not kind.labelled_by_value}
# Kinds that say both: their negatives are observed, and none have to be sampled for them.
TWO_SIDED_KINDS = frozenset(name for name, kind in _KINDS.items() if kind.two_sided)


def label_of(kind: Kind, value: float | None = None) -> float | None:
    """1.0 for a positive, 0.0 for a negative, None for what says neither.

    Args:
        value: of the event, for kinds whose label is by it.
    """
    return _FIXED[kind] if kind in _FIXED else _KINDS[kind].labelled(value)


def weight_of(kind: Kind, value: float | None = None) -> float:
    """Weight of an example in the loss.

    Args:
        value: of the event, for kinds that weigh by it.
    """
    return _KINDS[kind].weighed(value)


@dataclass(frozen=True)
class LabelTask:
    """A task as the stream and the trainer take it.

    Args:
        declared: what the domain says of it; None of the only task of a domain that declares none,
            whose labels are those of the kinds.
    """

    name: str
    declared: Task | None = None

    @property
    def is_binary(self) -> bool:
        """True if labels are 0 or 1."""
        return self.declared is None or self.declared.kind == "binary"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that its labels are places of; none where they are no classes."""
        return () if self.declared is None else tuple(self.declared.classes)

    @property
    def unanswered(self) -> float | None:
        """Label of a shown item with which nothing was done; None where that says nothing."""
        return 0.0 if self.declared is None else self.declared.unanswered

    @property
    def weight(self) -> float:
        """In the loss, beside other tasks."""
        return 1.0 if self.declared is None else self.declared.weight

    @property
    def window_s(self) -> float | None:
        """How long it waits for feedback; None is the installation's join window."""
        return None if self.declared is None else self.declared.window

    @property
    def corrected_s(self) -> float | None:
        """How long a positive corrects what was taken for a negative; None is not at all."""
        return None if self.declared is None else self.declared.corrected_for

    def labelled(self, kind: Kind, value: float | None) -> float | None:
        """Label of an event, or None where it teaches this task nothing."""
        if self.declared is None:
            return label_of(kind, value)
        return self.declared.labelled(kind, value)


# Those of the domain, the first of which ranks lists; one, where it declares none.
TASKS = tuple(LabelTask(name, task) for name, task in domain().tasks.items()) or (
    LabelTask(ONLY_TASK),
)
# Whether examples say which task they are of.
ARE_DECLARED = bool(domain().tasks)


def task_labels(kind: Kind, value: float | None = None) -> tuple[float, ...]:
    """The label of an event for each of `TASKS`; NaN where it has none."""
    if not ARE_DECLARED:
        label = label_of(kind, value)
        return (_NAN if label is None else label,)
    labels = (task.labelled(kind, value) for task in TASKS)
    return tuple(_NAN if label is None else label for label in labels)


def wants_negatives(kind: Kind, value: float | None = None) -> bool:
    """True if an event of `kind` is a positive of a binary task, and does not say both."""
    if kind in TWO_SIDED_KINDS:
        return False
    if not ARE_DECLARED:
        return label_of(kind, value) == 1.0
    return any(task.is_binary and task.labelled(kind, value) == 1.0 for task in TASKS)
