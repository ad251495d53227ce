"""Tasks: what is learnt of each shown item, from which kinds, and for how long it is waited for."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, Strict, model_validator

from millstream.domain.part import MOST_NAMES, Name, Part, Seconds

# The one task of a domain that declares none: how likely a positive is, by the labels of the kinds.
ONLY_TASK = "positive"
MAX_TASKS = 8

TaskKind = Literal["binary", "regression"]


def _built_in(kind: object) -> object:
    if kind == "multiclass":
        raise ValueError("`binary` or `regression` (a task of several classes is one for each)")
    return kind


def _distinct(kinds: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(kinds)) < len(kinds):
        raise ValueError("names of kinds, each once")
    return kinds


_KindNames = Annotated[
    tuple[Name, ...], Strict(False), Field(max_length=MOST_NAMES), AfterValidator(_distinct)
]


class Task(Part):
    """One thing that is learnt of an item that is shown: `[tasks.NAME]`. The first ranks lists."""

    kind: Annotated[TaskKind, BeforeValidator(_built_in)] = Field(
        default="binary",
        description="`binary`: how likely one of `positives` follows; `regression`: how large the "
        "`value` of one of `numbers` is.",
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
        is_binary = self.kind == "binary"
        if is_binary and (not self.positives or self.numbers):
            raise ValueError("a binary task with `positives` and without `numbers`")
        if not is_binary and (not self.numbers or self.positives or self.negatives):
            raise ValueError("a regression task with `numbers`, no `positives` and no `negatives`")
        if self.corrected_for is not None:
            if not is_binary:
                raise ValueError("a regression task without `corrected_for`")
            if self.window is None or self.window >= self.corrected_for:
                raise ValueError("`corrected_for` longer than a `window` that is given")
        if beyond := sorted(set(self.label_from) - set(self.positives)):
            raise ValueError(f"`label_from` of kinds among `positives`, not {', '.join(beyond)}")
        if both := sorted(set(self.positives) & set(self.negatives)):
            raise ValueError(f"`positives` other than `negatives`, not {', '.join(both)} as both")
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind that teaches it."""
        return (*self.positives, *self.negatives, *self.numbers)

    def labelled(self, kind: str, value: float | None) -> float | None:
        """Label of an event of `kind`, or None where it teaches this task nothing.

        >>> task = Task(positives=("rating", "like"), negatives=("skip",), label_from={"rating": 4})
        >>> [task.labelled("rating", v) for v in (4.0, 3.0, None)]
        [1.0, 0.0, None]
        >>> task.labelled("like", None), task.labelled("skip", None), task.labelled("view", None)
        (1.0, 0.0, None)
        """
        if kind in self.numbers:
            return None if value is None else value / self.scale
        if kind in self.label_from:
            return None if value is None else float(value >= self.label_from[kind])
        return 1.0 if kind in self.positives else 0.0 if kind in self.negatives else None
