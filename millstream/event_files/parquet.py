"""Parquet as input of `publish`: read as the CSV file that has its columns and rows.

Fields of structs are `context.page`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

from millstream.event_files import as_csv
from millstream.event_files.source import RegularFile

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
    def open(self, at_byte: int = 0) -> Iterator[BufferedIOBase]:
        """The rows as CSV, from `at_byte` of that on."""
        with as_csv.opened(_csv(self.path), at_byte) as stream:
            yield stream


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
                yield as_csv.lines([*head, *zip(*columns, strict=True)])
    except pa.ArrowException as error:
        raise OSError(str(error)) from error
