"""Files of events: JSON lines, or CSV with a header; read from any byte on."""

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from millstream.codec import from_object, with_defaults
from millstream.errors import InvalidEvent
from millstream.events import Event

_NUMBERS = ("value", "position", "event_time", "created_at")


@dataclass(frozen=True)
class Line:
    """One line of a file: its number from 1, where the next one begins, and what it says."""

    number: int
    next_byte: int
    content: bytes


@dataclass(frozen=True)
class Progress:
    """How far a file has been published; kept beside it while it is not finished."""

    fingerprint: str
    next_byte: int = 0
    lines: int = 0

    @staticmethod
    def path(file: Path) -> Path:
        return file.with_name(f".{file.name}.published")

    @classmethod
    def load(cls, file: Path) -> "Progress":
        """What is remembered of this very file, or its beginning."""
        start = cls(fingerprint(file))
        try:
            known = cls(**json.loads(cls.path(file).read_bytes()))
        except (OSError, ValueError, TypeError):
            return start
        return known if known.fingerprint == start.fingerprint else start

    def save(self, file: Path) -> None:
        """Remember it."""
        self.path(file).write_text(json.dumps(self.__dict__))


def fingerprint(file: Path) -> str:
    """Of a file's first 64 KiB: another file of the same name is not taken for a resumed one."""
    with file.open("rb") as stream:
        return hashlib.sha256(stream.read(65_536)).hexdigest()[:16]


def lines(stream: BinaryIO, at_byte: int = 0, after_line: int = 0) -> Iterator[Line]:
    """The lines from where `stream` stands, but for empty ones.

    Args:
        at_byte: where it stands.
        after_line: how many lines come before that.
    """
    for number, content in enumerate(stream, after_line + 1):
        at_byte += len(content)
        if content.strip():
            yield Line(number, at_byte, content)


def event_of_line(line: Line, columns: list[str] | None, file_id: str, now_s: float) -> Event:
    """The event on one line.

    An event without an id gets one made of the file's and the line's, so that publishing the file
    again changes nothing; one without a time happened now.

    Args:
        columns: of a CSV file; None is JSON.

    Raises:
        InvalidEvent: the path begins with the line: `line 3: $.user_id`.
    """
    try:
        value = _json_object(line.content) if columns is None else csv_object(line.content, columns)
        event: Event = from_object(with_defaults(value, f"{file_id}-{line.number}", now_s))
    except InvalidEvent as error:
        raise InvalidEvent(error.reason, f"line {line.number}: {error.path}") from error
    return event


def csv_columns(header: bytes) -> list[str]:
    """The names in a CSV header.

    Raises:
        InvalidEvent: there are no `user_id` and `item_id` among them.
    """
    columns = next(csv.reader([header.decode("utf-8-sig").strip()]), [])
    if not {"user_id", "item_id"} <= set(columns):
        raise InvalidEvent(
            f"Expected a CSV header with user_id, item_id and kind. Received: {columns}", "line 1"
        )
    return columns


def csv_object(row: bytes, columns: list[str]) -> dict[str, Any]:
    """One CSV row as an interaction; empty cells are left out, `context.page` goes into context."""
    cells = next(csv.reader([row.decode()]))
    event: dict[str, Any] = {"type": "interaction"}
    for name, cell in zip(columns, cells, strict=False):
        if name.startswith("context."):
            event.setdefault("context", {})[name.removeprefix("context.")] = cell
        elif cell:
            event[name] = _number(cell) if name in _NUMBERS else cell
    return event


def _json_object(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidEvent(f"Expected an event as JSON. Received: {error}") from error


def _number(cell: str) -> Any:
    try:
        return int(cell) if cell.lstrip("-").isdigit() else float(cell)
    except ValueError:
        return cell
