"""The columns of a CSV file of events, and its rows as the objects that JSON would hold."""

import csv
import difflib
import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from millstream.errors import ConfigurationError, InvalidEvent
from millstream.events import Event, Interaction, ItemUpsert, UserUpsert

TYPES: Mapping[str, type[Event]] = {
    "interaction": Interaction,
    "item": ItemUpsert,
    "user": UserUpsert,
}
# What a prefixed column goes into: `context.page`, `attributes.price`.
_GROUPS = {"interaction": "context", "item": "attributes", "user": "attributes"}
_NOT_COLUMNS = {"context", "attributes", "is_probe"}
_FILLED_IN = {"event_id", "event_time"}
_NUMBERS = {"value", "position", "event_time", "created_at", "schema_version"}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
LIST_SEPARATOR = "|"

# Names that logs have for our columns, beside spellings such as `userId`.
_ALSO_CALLED = {
    **dict.fromkeys(("timestamp", "time", "ts", "date", "datetime", "at"), "event_time"),
    **dict.fromkeys(("user", "uid", "customer", "customerid", "visitorid"), "user_id"),
    **dict.fromkeys(("item", "product", "productid", "movieid", "sku", "articleid"), "item_id"),
    **dict.fromkeys(("event", "eventtype", "action", "behavior"), "kind"),
    **dict.fromkeys(("rating", "score", "price", "stars", "amount"), "value"),
    **dict.fromkeys(("genres", "category", "tags"), "categories"),
    **dict.fromkeys(("name",), "title"),
}


class EventTable:
    """How to read the rows of one file.

    Args:
        kind: the type of its events: `interaction`, `item` or `user`.
        header: the names in the file.
        renamed: our name of a column by the file's; an empty name leaves the column out.
        constants: values that every row has, by our name.

    Raises:
        InvalidEvent: the header lacks a column, or has one that is not known.
        ConfigurationError: `renamed` or `constants` name what is not there.
    """

    def __init__(
        self,
        header: Sequence[str],
        kind: str = "interaction",
        renamed: Mapping[str, str] | None = None,
        constants: Mapping[str, str] | None = None,
    ) -> None:
        self._kind, self._group = kind, _GROUPS[kind]
        renamed, constants = renamed or {}, constants or {}
        self._check_options(header, renamed, constants)
        self._columns = [renamed.get(name, name) for name in header]
        self._constants = list(constants.items())
        self._check_header(header, constants)

    def object(self, content: bytes) -> dict[str, Any]:
        """One row as an object; an empty cell is a value that is missing.

        Raises:
            InvalidEvent: it is not a row of as many cells.
        """
        cells = cells_of(content)
        if len(cells) != len(self._columns):
            raise InvalidEvent(f"Expected {len(self._columns)} cells. Received: {len(cells)}")
        event: dict[str, Any] = {"type": self._kind}
        for name, cell in [*zip(self._columns, cells, strict=True), *self._constants]:
            if not name or not cell:
                continue
            group, dot, inner = name.partition(".")
            if dot:
                event.setdefault(group, {})[inner] = cell
            else:
                event[name] = _value(name, cell)
        return event

    def _check_options(
        self, header: Sequence[str], renamed: Mapping[str, str], constants: Mapping[str, str]
    ) -> None:
        for option, names, known in (
            ("--map", renamed, header),
            ("--map", filter(None, renamed.values()), self._known()),
            ("--set", constants, self._known()),
        ):
            for name in names:
                if name not in known and not self._is_grouped(name):
                    raise ConfigurationError(
                        f"{option} expects one of {', '.join(known)}. Received: {name!r}."
                    )

    def _check_header(self, header: Sequence[str], constants: Mapping[str, str]) -> None:
        known, chosen = self._known(), [*filter(None, self._columns), *constants]
        missing = [name for name in self._required() if name not in chosen]
        unknown = [name for name in self._columns if name and name not in known]
        wrong = [self._hint(name) for name in unknown if not self._is_grouped(name)]
        if wrong or missing:
            lacks = f" and lacks {', '.join(missing)}" if missing else ""
            raise InvalidEvent(
                f"Expected columns of {self._kind} events: {', '.join(known)}, "
                f"{self._group}.NAME. Received: a header with "
                f"{', '.join(wrong) if wrong else ', '.join(header)}{lacks}. `--map NAME=OURS` "
                "renames a column, `--map NAME=` leaves it out, `--set OURS=VALUE` adds one"
            )
        twice = sorted({name for name in chosen if chosen.count(name) > 1})
        if twice:
            raise InvalidEvent(f"Expected each column once. Received: {', '.join(twice)} twice")

    def _known(self) -> list[str]:
        names = [field.encode_name for field in msgspec.structs.fields(TYPES[self._kind])]
        return [*(name for name in names if name not in _NOT_COLUMNS), "type"]

    def _required(self) -> list[str]:
        fields = msgspec.structs.fields(TYPES[self._kind])
        return [f.encode_name for f in fields if f.required and f.encode_name not in _FILLED_IN]

    def _is_grouped(self, name: str) -> bool:
        return name.startswith(f"{self._group}.") and len(name) > len(self._group) + 1

    def _hint(self, name: str) -> str:
        near = near_column(name, self._known())
        return f"{name!r} ({near}? --map {name}={near})" if near else repr(name)


def near_column(name: str, known: Sequence[str]) -> str | None:
    """The column that `name` probably means.

    >>> near_column("timestamp", ["user_id", "event_time"]), near_column("userId", ["user_id"])
    ('event_time', 'user_id')
    """
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    if (usual := _ALSO_CALLED.get(plain)) in known:
        return usual
    by_plain = {each.replace("_", ""): each for each in known}
    found = difflib.get_close_matches(plain, by_plain, n=1, cutoff=0.75)
    return by_plain[found[0]] if found else None


def cells_of(content: bytes) -> list[str]:
    """The cells of one CSV row.

    Raises:
        InvalidEvent: it is not UTF-8, or no CSV.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InvalidEvent(
            f"Expected UTF-8. Received: byte 0x{content[error.start]:02x} after "
            f"{content[: error.start].decode()[-20:]!r}"
        ) from error
    try:
        return next(csv.reader(io.StringIO(text, newline=""), strict=True), [])
    except csv.Error as error:
        raise InvalidEvent(f"Expected a CSV row. Received: {error}") from error


def _value(name: str, cell: str) -> Any:
    if name in _NUMBERS and _NUMBER.fullmatch(cell):
        number = int(cell) if cell.lstrip("+-").isdigit() else float(cell)
        return number if math.isfinite(number) else cell
    if name == "hidden":
        return _TRUTH.get(cell.lower(), cell)
    if name == "categories":
        return [part for part in cell.split(LIST_SEPARATOR) if part]
    return cell
