"""Input of `publish`: a file, plain or compressed (gzip, Zstandard), or standard input."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from millstream.errors import DatasetError

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
SKIP_BYTES = 1 << 20


class RegularFile:
    """A file that can be read from any byte on.

    Args:
        path: of a regular file.

    Raises:
        OSError: it cannot be read.
    """

    can_resume = True

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            start = file.read(4)
        self.codec = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
        self.size = path.stat().st_size if self.codec is None else None

    @property
    def is_csv(self) -> bool:
        """True if the name says so: `x.csv`, `x.csv.gz`."""
        suffixes = [each.lower() for each in self.path.suffixes]
        return suffixes[-1:] == [".csv"] or (self.codec is not None and ".csv" in suffixes[-2:])

    @contextmanager
    def open(self, at_byte: int = 0) -> Iterator[BufferedIOBase]:
        """The bytes, decompressed, from `at_byte` on."""
        with self.path.open("rb") as file:
            if self.codec is None:
                file.seek(at_byte)
                yield file
                return
            import pyarrow as pa

            with pa.CompressedInputStream(file, self.codec) as stream:
                while at_byte > 0 and (skipped := stream.read1(min(at_byte, SKIP_BYTES))):
                    at_byte -= len(skipped)
                yield cast(BufferedIOBase, stream)


class StandardInput:
    """Standard input, or another file that is read once: a pipe. It cannot be resumed."""

    can_resume = False
    codec = None
    size = None
    is_csv = False

    def __init__(self, stream: BufferedIOBase | None = None) -> None:
        self._stream = stream

    @contextmanager
    def open(self, at_byte: int = 0) -> Iterator[BufferedIOBase]:
        """The bytes from the beginning, whatever `at_byte` says."""
        yield self._stream or cast(io.BufferedReader, sys.stdin.buffer)


def source_of(name: str) -> RegularFile | StandardInput:
    """The source that a person names: a path, or - for standard input.

    Raises:
        DatasetError: there is no such file, or it cannot be read.
    """
    if name == "-":
        return StandardInput()
    from millstream.event_files import parquet

    path = Path(name)
    if path.is_dir():
        raise DatasetError(
            f"Expected a file of events. Received: the folder {name}; publish its files one by one."
        )
    try:
        if path.exists() and not path.is_file():
            return StandardInput(path.open("rb"))
        with path.open("rb") as file:
            is_parquet = file.read(4) == parquet.MAGIC
        return parquet.ParquetFile(path) if is_parquet else RegularFile(path)
    except OSError as error:
        raise DatasetError(
            f"Expected a file of events. Received: {name}: {error.strerror}."
        ) from error
