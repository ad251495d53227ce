"""Faults of a file as a person reads them: where, what was expected, what came."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from millstream.domain.attributes import ATTRIBUTES
from millstream.domain.context import ContextField
from millstream.domain.declaration import Domain, ItemSide, UserSide
from millstream.domain.features import FAMILIES
from millstream.domain.kinds import Kind
from millstream.domain.near import near
from millstream.domain.placements import Bounds, Placement
from millstream.domain.score import Score
from millstream.domain.tasks import Task
from millstream.errors import shown

_EXPECTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "a text",
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "tuple_type": "a list",
    "too_short": "a table that is not empty",
    "finite_number": "a finite number",
    "string_too_short": "a text that is not empty",
}
_BOUNDS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "string_too_long": "a text of at most {max_length} characters",
    "too_long": "at most {max_length} entries",
    "literal_error": "{expected}",
    "value_error": "{error}",
}
_NAME = "a name of lower-case letters, digits and `_`, at most 48, that begins with a letter"
_OWN = "`module:object`, of a Python module in the project's folder"
_REFERENCE = "`user.NAME` or `item.NAME`"


def path_of(error: ErrorDetails, given: Any) -> str:
    """Dotted path of a fault in the file: without the tags that pydantic puts between."""
    parts: list[str] = []
    place = given
    location = [part for part in error["loc"] if part != "[key]"]
    for number, part in enumerate(location):
        is_last = number == len(location) - 1
        if isinstance(place, Mapping) and (part in place or (is_last and _names_a_key(error))):
            parts.append(str(part))
            place = place.get(part)
        elif isinstance(place, list | tuple) and isinstance(part, int):
            parts.append(str(part))
            place = place[part] if part < len(place) else None
    tag = error.get("ctx", {}).get("discriminator")
    return ".".join([*parts, *([str(tag).strip("'")] if tag else [])])


def lines_of(errors: Iterable[ErrorDetails], given: Any) -> list[str]:
    """A line for each fault; where any of several forms would do, one says them all."""
    by_path: dict[str, list[ErrorDetails]] = {}
    for error in errors:
        by_path.setdefault(path_of(error, given), []).append(error)
    return [
        _line_of(path, found[0], given)
        if len(found) == 1
        else line(path, " or ".join(map(_expected, found)), found[0]["input"])
        for path, found in by_path.items()
    ]


def _line_of(path: str, error: ErrorDetails, given: Any) -> str:
    match error["type"]:
        case "missing":
            return f"`{path}` must be given; it is missing."
        case "union_tag_not_found":
            return f"`{path}` must be given; it is missing."
        case "extra_forbidden":
            names = _keys_at(path.split(".")[:-1], given)
            hint = near(error["loc"][-1], names) or f" (there are: {', '.join(names)})."
            return f"`{path}` must be a key that this table has{hint}"
        case "union_tag_invalid":
            tag, tags = str(error["ctx"]["tag"]), error["ctx"]["expected_tags"]
            hint = near(tag, tags.replace("'", "").split(", "))
            return f"`{path}` must be one of {tags}{hint or '.'} Received: {tag!r}."
    return line(path, _expected(error), error["input"])


def line(path: str, expected: str, received: Any) -> str:
    """A fault as one line, in the words of every error."""
    return f"`{path}` must be {expected}. Received: {shown(received)}."


def _names_a_key(error: ErrorDetails) -> bool:
    return error["type"] in ("missing", "extra_forbidden")


def _expected(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "string_pattern_mismatch":
        if ":" in context["pattern"]:
            return _OWN
        return _REFERENCE if "user|item" in context["pattern"] else _NAME
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**context)
    return _EXPECTED.get(kind, error["msg"])


def _keys_at(path: list[str], given: Any) -> list[str]:
    """The keys of the table at `path`."""
    place = given
    for part in path:
        place = place.get(part, {}) if isinstance(place, Mapping) else {}
    table: Mapping[str, Any] = place if isinstance(place, Mapping) else {}
    match path:
        case []:
            model: Any = Domain
        case ["kinds", _]:
            model = Kind
        case ["context", _]:
            model = ContextField
        case ["score"]:
            model = Score
        case ["placements", _]:
            model = Placement
        case ["placements", _, "ranges", _]:
            model = Bounds
        case ["tasks", _]:
            model = Task
        case [("user" | "item") as entity]:
            model = UserSide if entity == "user" else ItemSide
        case [_, "attributes", _]:
            model = ATTRIBUTES.get(str(table.get("type")))
        case [("user" | "item") as entity, "features", _]:
            model = FAMILIES[entity].get(str(table.get("family")))
        case _:
            model = None
    return list(model.model_fields) if model else []
