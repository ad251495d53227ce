"""Lines into records: a line of JSON, or the lines of one CSV row, whose cells may hold breaks."""

import csv
import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from millstream.event_files.lines import MAX_LINE_BYTES, Line

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class FileRecord:
    """One record.

    Args:
        ordinal: its place among the records of the file, from 1.
        first_line, last_line: where it stands, from 1.
        start, next_byte: offsets of its first byte and of the record after it.
        content: its bytes, without the last line end.
        fault: what makes it unreadable.
    """

    ordinal: int
    first_line: int
    last_line: int
    start: int
    next_byte: int
    content: bytes
    fault: str | None = None


def digest(*parts: bytes) -> str:
    """32 hex digits that tell byte strings apart, also how they are divided."""
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()


def json_records(lines: Iterable[Line], after: int = 0) -> Iterator[FileRecord]:
    """A record for each line that is not blank.

    Args:
        after: how many records come before.
    """
    for line in lines:
        if _is_blank(line):
            continue
        after += 1
        yield _record(after, [line], _too_long(line))


def csv_records(lines: Iterable[Line], after: int = 0) -> Iterator[FileRecord]:
    """A record for each row; a quoted cell may go over several lines.

    A row that cannot be read (a quote that nothing closes) costs its first line only.
    """
    waiting = _Waiting(lines)
    for line in waiting:
        if _is_blank(line):
            continue
        after += 1
        fault = _too_long(line)
        if fault is None and b'"' in line.content:
            taken, fault = _row(line, waiting)
        else:
            taken = [line]
        yield _record(after, taken, fault)


class _Waiting:
    """Lines that can be given back."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = iter(lines)
        self._given_back: deque[Line] = deque()

    def __iter__(self) -> "_Waiting":
        return self

    def __next__(self) -> Line:
        return self._given_back.popleft() if self._given_back else next(self._lines)

    def give_back(self, lines: Iterable[Line]) -> None:
        self._given_back.extendleft(reversed(list(lines)))


def _row(line: Line, waiting: _Waiting) -> tuple[list[Line], str | None]:
    """The lines of the row that begins with `line`, or that line and what is wrong with it."""
    taken = [line]
    try:
        next(csv.reader(_texts(taken, waiting), strict=True))
    except csv.Error as error:
        waiting.give_back(taken[1:])
        return [line], f"Expected a CSV row whose quotes are closed. Received: {error}"
    return taken, None


def _texts(taken: list[Line], waiting: _Waiting) -> Iterator[str]:
    """The text of a row's lines, one after another, noted in `taken` as they are asked for."""
    yield taken[0].content.decode(errors="surrogateescape")
    size = len(taken[0].content)
    for line in waiting:
        taken.append(line)
        size += len(line.content)
        if size > MAX_LINE_BYTES:
            raise csv.Error(f"more than {MAX_LINE_BYTES:,} bytes")
        yield line.content.decode(errors="surrogateescape")


def _record(ordinal: int, taken: list[Line], fault: str | None) -> FileRecord:
    first, last = taken[0], taken[-1]
    content = b"".join(line.content for line in taken).rstrip(b"\r\n")
    if first.start == 0:
        content = content.removeprefix(BOM)
    return FileRecord(
        ordinal, first.number, last.number, first.start, last.next_byte, content, fault
    )


def _is_blank(line: Line) -> bool:
    return not line.content.removeprefix(BOM).strip()


def _too_long(line: Line) -> str | None:
    if not line.is_cut:
        return None
    return f"Expected a line of at most {MAX_LINE_BYTES:,} bytes. Received: a longer one"
