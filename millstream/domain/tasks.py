"""Tasks: what is learnt of each shown item, from which kinds, and for how long it is waited for."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict, model_validator

from millstream.domain.part import MOST_NAMES, Name, Part, Seconds

# The one task of a domain that declares none: how likely a positive is, by the labels of the kinds.
ONLY_TASK = "positive"
MAX_TASKS = 8
MAX_CLASSES = 20

TaskKind = Literal["binary", "regression", "multiclass"]


def _distinct(kinds: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(kinds)) < len(kinds):
        raise ValueError("names of kinds, each once")
    return kinds


_KindNames = Annotated[
    tuple[Name, ...], Strict(False), Field(max_length=MOST_NAMES), AfterValidator(_distinct)
]


class Task(Part):
    """One thing that is learnt of an item that is shown: `[tasks.NAME]`. The first ranks lists."""

    kind: TaskKind = Field(
        default="binary",
        description="`binary`: how likely one of `positives` follows; `regression`: how large the "
        "`value` of one of `numbers` is; `multiclass`: which of `classes` it is.",
    )
    positives: _KindNames = Field(
        default=(), description="Kinds that say yes, of a binary task: one at least."
    )
    negatives: _KindNames = Field(
        default=(),
        description="Kinds that say no, of a binary task. So does the end of `window` without "
        "any of both.",
    )
    label_from: dict[Name, Annotated[float, Field(allow_inf_nan=False)]] = Field(
        default={},
        max_length=MOST_NAMES,
        description="The `value` from which a kind of `positives` says yes, by kind; below it says "
        "no, and without a value nothing.",
    )
    numbers: _KindNames = Field(
        default=(),
        description="Kinds whose `value` is what is learnt, of a regression task: one at least.",
    )
    classes: dict[Name, _KindNames] = Field(
        default={},
        max_length=MAX_CLASSES,
        description="Classes of a multi-class task, each with the kinds that say so: two at least. "
        "One may have none: it is that of an item with which nothing was done until the end of "
        "`window`.",
    )
    scale: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="What numbers of a regression task are divided by before they are learnt, so "
        "that most are within a few units; its scores are in that unit.",
    )
    window: Seconds | None = Field(
        default=None,
        description="How long after a list was shown what people do with it teaches this task; "
        "where it is left out, MILLSTREAM_JOIN_WINDOW_S.",
    )
    corrected_for: Seconds | None = Field(
        default=None,
        description="How long after a list was shown a positive still teaches a binary task, which "
        "has taken the item for a negative at the end of `window`: longer than `window`. See "
        "MILLSTREAM_DELAYED_FEEDBACK.",
    )
    weight: float = Field(
        default=1.0,
        gt=0,
        le=1_000.0,
        description="How much an example of this task counts in the loss beside those of others.",
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Task":
        self._check_labels()
        if self.corrected_for is not None:
            if self.kind != "binary":
                raise ValueError(f"a {self.kind} task without `corrected_for`")
            if self.window is None or self.window >= self.corrected_for:
                raise ValueError("`corrected_for` longer than a `window` that is given")
        if beyond := sorted(set(self.label_from) - set(self.positives)):
            raise ValueError(f"`label_from` of kinds among `positives`, not {', '.join(beyond)}")
        if both := sorted(set(self.positives) & set(self.negatives)):
            raise ValueError(f"`positives` other than `negatives`, not {', '.join(both)} as both")
        return self

    def _check_labels(self) -> None:
        """What says which label: each kind of task has its own keys."""
        yes_or_no = self.positives or self.negatives
        match self.kind:
            case "binary" if not self.positives or self.numbers or self.classes:
                raise ValueError("a binary task with `positives`, no `numbers` and no `classes`")
            case "regression" if not self.numbers or yes_or_no or self.classes:
                raise ValueError(
                    "a regression task with `numbers`, no `positives`, `negatives` or `classes`"
                )
            case "multiclass":
                if len(self.classes) < 2 or yes_or_no or self.numbers:
                    raise ValueError(
                        "a multiclass task with two `classes` or more, no `positives`, `negatives` "
                        "or `numbers`"
                    )
                if [*self.classes.values()].count(()) > 1:
                    raise ValueError("`classes` of which one at most has no kinds")
                named = [kind for kinds in self.classes.values() for kind in kinds]
                if twice := sorted({kind for kind in named if named.count(kind) > 1}):
                    raise ValueError(f"`classes` with each kind in one, not {', '.join(twice)}")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind that teaches it."""
        of_classes = (kind for kinds in self.classes.values() for kind in kinds)
        return (*self.positives, *self.negatives, *self.numbers, *of_classes)

    @property
    def unanswered(self) -> float | None:
        """Label of an item with which nothing was done; None where that says nothing."""
        if self.kind == "multiclass":
            kinds = [*self.classes.values()]
            return float(kinds.index(())) if () in kinds else None
        return 0.0 if self.kind == "binary" else None

    def outputs(self, name: str) -> tuple[str, ...]:
        """Names of its scores, where it is called `name`: of a multi-class task one a class.

        >>> Task(kind="multiclass", classes={"none": (), "bought": ("purchase",)}).outputs("end")
        ('end.none', 'end.bought')
        """
        return tuple(f"{name}.{each}" for each in self.classes) or (name,)

    def labelled(self, kind: str, value: float | None) -> float | None:
        """Label of an event of `kind`, or None where it teaches this task nothing.

        >>> task = Task(positives=("rating", "like"), negatives=("skip",), label_from={"rating": 4})
        >>> [task.labelled("rating", v) for v in (4.0, 3.0, None)]
        [1.0, 0.0, None]
        >>> task.labelled("like", None), task.labelled("skip", None), task.labelled("view", None)
        (1.0, 0.0, None)

        That of a class is its place.
        """
        for place, kinds in enumerate(self.classes.values()):
            if kind in kinds:
                return float(place)
        if kind in self.numbers:
            return None if value is None else value / self.scale
        if kind in self.label_from:
            return None if value is None else float(value >= self.label_from[kind])
        return 1.0 if kind in self.positives else 0.0 if kind in self.negatives else None
