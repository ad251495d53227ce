"""Rows of other sources as the CSV file that has their columns and rows.

So everything that holds for CSV holds for them: columns by name, `--map` and `--set`, ids that
stay, resuming. Lists are separated by |, times are Unix seconds.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, cast

from millstream.event_files.source import SKIP_BYTES
from millstream.event_files.table import LIST_SEPARATOR


@contextmanager
def opened(pieces: Iterator[bytes], at_byte: int) -> Iterator[io.BufferedIOBase]:
    """Pieces of a file as the file, from `at_byte` on."""
    stream = io.BufferedReader(cast(io.RawIOBase, _Pieces(pieces)))
    while at_byte > 0 and (skipped := stream.read(min(at_byte, SKIP_BYTES))):
        at_byte -= len(skipped)
    yield stream


def lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows of values as lines of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([list(map(cell, row)) for row in rows])
    return text.getvalue().encode()


def cell(value: Any) -> Any:
    """A value as a cell; what is missing is an empty one.

    >>> cell(["a", "b"]), cell(None), cell(True), cell(2.5)
    ('a|b', '', 'true', 2.5)
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return LIST_SEPARATOR.join(str(each) for each in value)
    if isinstance(value, datetime):
        whole = value if value.tzinfo else value.replace(tzinfo=UTC)
        return repr(whole.timestamp())
    if isinstance(value, date):
        return value.isoformat() + "T00:00:00Z"
    return value.decode(errors="replace") if isinstance(value, bytes) else value


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        part, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
