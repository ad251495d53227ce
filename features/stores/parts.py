"""Part files: the Parquet files of one view, in one folder that Feast and DuckDB read as a table.

    <folder>/00-schema.parquet                  no rows; its columns are those of the table
    <folder>/part-p<partition>-<first>-<last>.parquet
                                                rows of messages `first` to `last` of a partition

A file appears whole or not at all: it is written under another name, synced, and renamed. Its
metadata holds the newest source offset of every source partition in it (`NewestOffsets`), so that
a writer that starts anew knows what is there without reading rows.
"""

import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from millstream.errors import WriterReplaced

# By `log-partition` of the rows' source; by partition where rows do not say which log it was.
NewestOffsets = dict[str, int]

SCHEMA_FILE = "00-schema.parquet"
_TEMPORARY = ".tmp"
_CLAIM = re.compile(r"\.part-p(\d+)-after-(-?\d+)\.claim")
_OFFSETS = b"millstream.marks"
_PART = b"millstream.part"
_NAME = re.compile(r"part-p(\d+)-(\d+)-(\d+)\.parquet")


@dataclass(frozen=True, order=True)
class Part:
    """A part file's name: messages `first` to `last`, both included, of one partition.

    >>> Part(0, 12, 30).name
    'part-p0-00000000000000000012-00000000000000000030.parquet'
    """

    partition: int
    first: int
    last: int

    @property
    def name(self) -> str:
        """The file's name; names sort by offset."""
        return f"part-p{self.partition}-{self.first:020d}-{self.last:020d}.parquet"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """The part of that name, or None for another file."""
        match = _NAME.fullmatch(name)
        return cls(*map(int, match.groups())) if match else None

    def covers(self, other: "Part") -> bool:
        """Return whether all messages of `other` are here too."""
        same = self.partition == other.partition
        return same and self.first <= other.first and other.last <= self.last


def parts_in(folder: Path) -> list[Part]:
    """The part files of a folder, by partition and offset."""
    found = (Part.parse(path.name) for path in folder.iterdir())
    return sorted(part for part in found if part is not None)


def write_part(path: Path, rows: pa.Table, newest_offsets: Mapping[str, int]) -> None:
    """Write one file, all or nothing; one of the same name is replaced."""
    with _written(path, rows, newest_offsets) as temporary:
        temporary.replace(path)
    sync_folder(path.parent)


def append_part(
    folder: Path, part: Part, rows: pa.Table, newest_offsets: Mapping[str, int], after: int
) -> None:
    """Write the part that follows message `after`, all or nothing.

    Args:
        after: the last message of the partition in `folder`, -1 for none.

    Raises:
        WriterReplaced: another writer has put in messages beyond `after`.
    """
    claim = folder / f".part-p{part.partition}-after-{after}.claim"
    with _written(folder / part.name, rows, newest_offsets) as temporary:
        try:
            os.link(temporary, claim)  # exclusive, and with all of its content
        except (FileExistsError, FileNotFoundError) as error:
            raise _replaced(folder, part.partition) from error
    if not _settle(claim):
        raise _replaced(folder, part.partition)
    sync_folder(folder)


def _settle(claim: Path) -> bool:
    """Make a claim a part if it follows the last message in the folder; return whether it is."""
    match = _CLAIM.fullmatch(claim.name)
    assert match is not None
    partition, after = map(int, match.groups())
    try:
        name = (pq.read_schema(claim).metadata or {})[_PART].decode()
        if any(p.partition == partition and p.last > after for p in parts_in(claim.parent)):
            claim.unlink()
            return False
        claim.replace(claim.with_name(name))
    except FileNotFoundError:  # another writer has settled it
        return False
    return True


def _replaced(folder: Path, partition: int) -> WriterReplaced:
    return WriterReplaced(
        f"Another process appends to partition {partition} of {folder}: this one ends."
    )


@contextmanager
def _written(path: Path, rows: pa.Table, newest_offsets: Mapping[str, int]) -> Iterator[Path]:
    """A synced file beside `path` with its content, removed with the block."""
    metadata = {_OFFSETS: json.dumps(dict(newest_offsets)), _PART: path.name}
    rows = rows.replace_schema_metadata(metadata)
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}{_TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            pq.write_table(rows, file, compression="zstd", use_dictionary=_repeating(rows.schema))
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)  # half a file only takes what a full disk lacks


def _repeating(schema: pa.Schema) -> list[str]:
    """Columns whose values come again, as Parquet names them: numbers hardly do."""
    strings = [field.name for field in schema if field.type == pa.string()]
    lists = [field.name for field in schema if field.type == pa.list_(pa.string())]
    return strings + [f"{name}.list.element" for name in lists]


def read_newest_offsets(path: Path) -> NewestOffsets:
    """The newest source position of every source partition in one file."""
    metadata = pq.read_schema(path).metadata or {}
    newest_offsets: NewestOffsets = json.loads(metadata.get(_OFFSETS, b"{}"))
    return newest_offsets


def merged(newest_offsets: Iterable[Mapping[str, int]]) -> NewestOffsets:
    """The newest of several.

    >>> merged([{"0": 5, "1": 2}, {"0": 3, "2": 7}])
    {'0': 5, '1': 2, '2': 7}
    """
    newest: NewestOffsets = {}
    for each in newest_offsets:
        for source, offset in each.items():
            newest[source] = max(offset, newest.get(source, offset))
    return newest


def open_folder(folder: Path, schema: pa.Schema) -> NewestOffsets:
    """Bring a folder in order, before its one writer begins; its newest offsets.

    Leftovers of a crash are put in order: temporary files, parts that were written and not yet put
    in, and files whose messages are in a larger one too (a compaction that did not come to its
    end). Files that are older than a column of `schema` get it, with nulls: readers take the
    columns of the first file as those of the table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(f".*{_TEMPORARY}"):
        leftover.unlink(missing_ok=True)
    for path in list(folder.iterdir()):
        if _CLAIM.fullmatch(path.name):
            _settle(path)
    parts = parts_in(folder)
    for part in parts:
        if any(other.covers(part) for other in parts if other != part):
            (folder / part.name).unlink()
    for part in parts_in(folder):
        _widen(folder / part.name, schema)
    _put_schema(folder / SCHEMA_FILE, schema)
    return merged(read_newest_offsets(folder / part.name) for part in parts_in(folder))


def _put_schema(path: Path, schema: pa.Schema) -> None:
    if not path.exists() or not pq.read_schema(path).equals(schema):
        write_part(path, schema.empty_table(), {})


def _widen(path: Path, schema: pa.Schema) -> None:
    lacking = [field for field in schema if field.name not in pq.read_schema(path).names]
    if not lacking:
        return
    newest_offsets, rows = read_newest_offsets(path), pq.read_table(path, partitioning=None)
    for field in lacking:
        rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    write_part(path, rows, newest_offsets)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder outlive a crash."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
