"""Differences between two domains, part by part, and what each does to an installation."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from millstream.domain.consequences import Consequences, consequences
from millstream.domain.declaration import Domain
from millstream.domain.part import duration_text

Action = Literal["added", "removed", "changed"]

# The key of a part that is one value.
_VALUE = "is"
_DURATIONS = frozenset({"half_life", "seen_for", "max_age", "window", "corrected_for"})
_TASK_KINDS = frozenset({"positives", "negatives", "numbers"})
_LISTS = frozenset({"of", "kinds", "seen_kinds", "groups", "exclude_groups", "rules"}) | _TASK_KINDS
_ROLES = {
    "user": ("recent",),
    "item": (
        *("title", "groups", "created", "popularity", "trending"),
        *("available_from", "available_until", "in_stock"),
    ),
}


@dataclass(frozen=True)
class Change:
    """One part that differs.

    Args:
        path: where in the file: `item.features.popularity`.
        before, after: what differs of it, by key; empty on the side where it is not there.
        does: what happens, by what it happens to.
    """

    path: str
    action: Action
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    does: Consequences

    def line(self) -> str:
        """The change itself, on one line.

        >>> Change("kinds.click", "changed", {"weight": 1.0}, {"weight": 2.0}, {}).line()
        '~ kinds.click: weight 1.0 -> 2.0'
        """
        if self.action == "changed":
            keys = [
                f"{_word(key)}{_shown(key, self.before[key])} -> {_shown(key, value)}"
                for key, value in self.after.items()
            ]
            return f"~ {self.path}: {', '.join(keys)}"
        sign, there = ("+", self.after) if self.action == "added" else ("-", self.before)
        said = ", ".join(f"{_word(k)}{_shown(k, v)}" for k, v in there.items() if v is not None)
        return f"{sign} {self.path}: {said}" if said else f"{sign} {self.path}"

    def as_json(self) -> dict[str, Any]:
        """The change for scripts."""
        return asdict(self)


def changes(before: Domain | None, after: Domain) -> list[Change]:
    """Differences of `after` from `before`; from nothing, all of it is added."""
    old = dict(_parts(before)) if before else {}
    new = dict(_parts(after))
    found = [_change(path, old.get(path), new.get(path)) for path in {**old, **new}]
    return [change for change in found if change]


def _change(
    path: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> Change | None:
    if old == new:
        return None
    if old is None or new is None:
        action: Action = "added" if old is None else "removed"
        before, after = dict(old or {}), dict(new or {})
    else:
        action = "changed"
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        before, after = {k: old.get(k) for k in keys}, {k: new.get(k) for k in keys}
    return Change(path, action, before, after, consequences(path, action, before, after))


def _parts(domain: Domain) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(path, what is said there) of every part."""
    yield "name", {_VALUE: domain.name}
    yield "time_zone", {_VALUE: domain.time_zone}
    for name, kind in domain.kinds.items():
        yield f"kinds.{name}", _said(kind)
    for name, each in domain.context.items():
        yield f"context.{name}", _said(each)
    if domain.score is not None:
        yield "score", _said(domain.score)
    for name, placement in domain.placements.items():
        yield f"placements.{name}", _said(placement)
    for name, task in domain.tasks.items():
        yield f"tasks.{name}", _said(task)
    if domain.tasks:
        yield "tasks", {"first": next(iter(domain.tasks))}
    for entity, roles in _ROLES.items():
        side = domain.side(entity)  # type: ignore[arg-type]
        for role in roles:
            if (named := getattr(side, role)) is not None:
                yield f"{entity}.{role}", {_VALUE: named}
        for table in ("attributes", "features"):
            for name, part in getattr(side, table).items():
                yield f"{entity}.{table}.{name}", _said(part)


def _said(part: Any) -> dict[str, Any]:
    """Values other than the defaults: those that a person wrote."""
    said: dict[str, Any] = part.model_dump(mode="json", exclude_defaults=True)
    return said


def _word(key: str) -> str:
    return "" if key == _VALUE else f"{key} "


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "unset"
    if key in _DURATIONS:
        return duration_text(value)
    return ", ".join(value) if key in _LISTS and isinstance(value, list) else str(value)
