"""Inputs of a network, and its target."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from millstream.errors import ConfigurationError
from models.rows import RowInit

Side = Literal["user", "item", "context", "cross"]

POOLINGS = ("mean", "sum", "din", "transformer")
NORMALISATIONS = ("none", "log", "standard", "quantile")
SIDES = ("user", "item", "context", "cross")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Field:
    """One input of a network.

    Args:
        name: of the input: letters, digits and underscores.
        dtype: `id` is looked up in an embedding table, `float` is taken as it is.
        width: values per embedding row of an id; values per example of a float.
        length: entries of a list of ids, padded with 0; None is a single id.
        group: any label by which a network treats fields together.
        belongs_to: the side that the value is known from; two-tower models split fields by it.
        shared_with: the field, or the table, whose embedding rows this field uses.
        pooling: how a list becomes one vector where a network asks for one: by `mean`, `sum`, the
            attention of `din`, or a `transformer`; the last two look at the `target`.
        target: the id with whose vector attention compares the entries of a list; None is the field
            whose table the list uses.
        times: the float field of the same length that says when each entry of a list happened, in
            seconds from any origin; 0 for padding.
        normalise: how a float is scaled before a network takes it: not at all, by
            sign(x) log(1 + |x|), by `standard` deviations from the mean, or to its `quantile` in
            [0, 1]; the last two go by what training has seen.
        rows: of the embedding table for `fit`, whose ids are then row numbers below `rows`. None
            leaves the table to the online trainer (see `models.split`).
        init: how a new embedding row is drawn; None leaves it to the network.

    Raises:
        ConfigurationError: a value that cannot work, named with the field.
    """

    name: str
    dtype: Literal["id", "float"] = "id"
    width: int = 1
    length: int | None = None
    group: str | None = None
    belongs_to: Side | None = None
    shared_with: str | None = None
    pooling: Literal["mean", "sum", "din", "transformer"] = "mean"
    target: str | None = None
    times: str | None = None
    normalise: Literal["none", "log", "standard", "quantile"] = "none"
    rows: int | None = None
    init: RowInit | None = None

    def __post_init__(self) -> None:
        for key in ("name", "shared_with", "target", "times"):
            value = getattr(self, key)
            if value is not None and not (isinstance(value, str) and _NAME.fullmatch(value)):
                self._refuse(key, "letters, digits and underscores, a letter first")
        self._check("dtype", self.dtype in ("id", "float"), "'id' or 'float'")
        self._check("width", _is_count(self.width), "a whole number above 0")
        for key in ("length", "rows"):
            value = getattr(self, key)
            self._check(key, value is None or _is_count(value), "None or a whole number above 0")
            self._check(key, value is None or self.is_id, "None where `dtype` is 'float'")
        self._check("shared_with", self.shared_with is None or self.is_id, "None for a float")
        self._check("belongs_to", self.belongs_to in (None, *SIDES), f"None or one of {SIDES}")
        self._check("pooling", self.pooling in POOLINGS, f"one of {POOLINGS}")
        for key in ("target", "times"):
            self._check(key, getattr(self, key) is None or self.is_list, "None without a `length`")
        self._check("normalise", self.normalise in NORMALISATIONS, f"one of {NORMALISATIONS}")
        self._check("normalise", not self.is_id or self.normalise == "none", "'none' for an id")

    @property
    def is_id(self) -> bool:
        return self.dtype == "id"

    @property
    def is_list(self) -> bool:
        return self.length is not None

    @property
    def table(self) -> str:
        """The embedding table of an id."""
        return self.shared_with or self.name

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example: () for one value, (length,) for a list, (width,) for floats."""
        if self.is_id:
            return () if self.length is None else (self.length,)
        return () if self.width == 1 else (self.width,)

    def _check(self, key: str, holds: bool, expected: str) -> None:
        if not holds:
            self._refuse(key, expected)

    def _refuse(self, key: str, expected: str) -> None:
        raise ConfigurationError(
            f"`{key}` of field {self.name!r} must be {expected}. Received: {getattr(self, key)!r}."
        )


@dataclass(frozen=True)
class Task:
    """One thing that a network predicts.

    Args:
        name: of the target.
        kind: `binary` predicts a logit for labels in [0, 1], `regression` a number, `multiclass` a
            number for each of `classes`, of which a softmax makes probabilities.
        classes: names, in the order of their labels 0, 1, 2, ...

    Raises:
        ConfigurationError: an empty `name`, an unknown `kind`, or `classes` that do not fit it.
    """

    name: str
    kind: Literal["binary", "regression", "multiclass"] = "binary"
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigurationError(
                f"`name` of a task must not be empty. Received: {self.name!r}."
            )
        if self.kind not in ("binary", "regression", "multiclass"):
            raise ConfigurationError(
                f"`kind` of task {self.name!r} must be 'binary', 'regression' or 'multiclass'. "
                f"Received: {self.kind!r}."
            )
        if (len(self.classes) > 1) != (self.kind == "multiclass") or len(self.classes) == 1:
            raise ConfigurationError(
                f"`classes` of task {self.name!r} must be two or more of a multi-class task, and "
                f"none of others. Received: {self.classes!r}."
            )

    @property
    def outputs(self) -> tuple["Task", ...]:
        """The numbers that a network has for it: one, or one for each class."""
        return tuple(Task(f"{self.name}.{each}", "regression") for each in self.classes) or (self,)


def checked(fields: Iterable[Field]) -> tuple[Field, ...]:
    """The same fields, once they are known to fit together.

    Raises:
        ConfigurationError: there is no field, a name comes twice, two fields of one embedding table
            differ in `width`, `rows` or `init`, or a list's `target` or `times` is no field that
            fits.
    """
    fields = tuple(fields)
    if not fields:
        raise ConfigurationError("`fields` must not be empty. Received: ().")
    names = [f.name for f in fields]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"`fields` must have different names. Received twice: {twice}.")
    first: dict[str, Field] = {}
    for f in fields:
        if f.is_id:
            _check_same_table(first.setdefault(f.table, f), f)
    by_name = {f.name: f for f in fields}
    for f in fields:
        _check_references(f, by_name)
    return fields


def target_of(field: Field, fields: Iterable[Field]) -> Field | None:
    """The id that the entries of a list are compared with: a single one, of the list's width.

    It is the list's `target`, or the field whose table it uses; None if that is not there.
    """
    wanted = field.target or field.table
    fit = (f for f in fields if f.is_id and not f.is_list and f.width == field.width)
    return next((f for f in fit if f.name == wanted), None)


def _check_references(field: Field, by_name: Mapping[str, Field]) -> None:
    """A list's `target` must be an id of its width, its `times` floats, one for each entry."""
    needs_target = field.target is not None or field.pooling in ("din", "transformer")
    if needs_target and target_of(field, by_name.values()) is None:
        raise ConfigurationError(
            f"`target` of field {field.name!r} must name a single id of width {field.width} "
            f"among the fields. Received: {field.target!r}."
        )
    if field.times is not None:
        times = by_name.get(field.times)
        if times is None or times.is_id or times.width != field.length:
            raise ConfigurationError(
                f"`times` of field {field.name!r} must name a float of width {field.length} among "
                f"the fields. Received: {field.times!r}."
            )


def _check_same_table(a: Field, b: Field) -> None:
    for key in ("width", "rows", "init"):
        if getattr(a, key) != getattr(b, key):
            raise ConfigurationError(
                f"Fields of one table must have the same `{key}`. Received: "
                f"{getattr(a, key)!r} for {a.name!r}, {getattr(b, key)!r} for {b.name!r}."
            )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
