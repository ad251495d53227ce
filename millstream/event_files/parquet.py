"""Parquet as input of `publish`: read as the CSV file that has its columns and rows.

So everything that holds for CSV holds for it: columns by name, `--map` and `--set`, ids that stay,
resuming. Lists are separated by |, times are Unix seconds, fields of structs are `context.page`.
"""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

from millstream.event_files.source import SKIP_BYTES, RegularFile
from millstream.event_files.table import LIST_SEPARATOR

MAGIC = b"PAR1"
_ROWS = 10_000


class ParquetFile(RegularFile):
    """A Parquet file.

    Args:
        path: of it.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.size = None

    @property
    def is_csv(self) -> bool:
        """True: it is read as if it were."""
        return True

    @contextmanager
    def open(self, at_byte: int = 0) -> Iterator[io.BufferedIOBase]:
        """The rows as CSV, from `at_byte` of that on."""
        stream = io.BufferedReader(cast(io.RawIOBase, _CsvBytes(_csv(self.path))))
        while at_byte > 0 and (skipped := stream.read(min(at_byte, SKIP_BYTES))):
            at_byte -= len(skipped)
        yield stream


class _CsvBytes(io.RawIOBase):
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


def _csv(path: Path) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for number, batch in enumerate(file.iter_batches(_ROWS)):
                table = pa.Table.from_batches([batch])
                while any(pa.types.is_struct(field.type) for field in table.schema):
                    table = table.flatten()
                columns = [column.to_pylist() for column in table.columns]
                head = [table.column_names] if number == 0 else []
                yield _lines([*head, *zip(*columns, strict=True)])
    except pa.ArrowException as error:
        raise OSError(str(error)) from error


def _lines(rows: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([list(map(_cell, row)) for row in rows])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """A value as a cell; what is missing is an empty one.

    >>> _cell(["a", "b"]), _cell(None), _cell(True), _cell(2.5)
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
