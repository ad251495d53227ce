"""Many small part files into few: for a quiet hour, or a job of its own.

Neighbouring files of a partition become one file that covers their messages; then they are
removed. A crash in between leaves both, which the next `open_folder` puts in order, and which a
point-in-time join does not notice: the rows that are there twice are the same. A query that is
running while its files are removed fails and has to be repeated. Not to be run while a writer
starts: it would take the file that is being written for a leftover.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.stores.parts import (
    SCHEMA_FILE,
    Part,
    merged,
    parts_in,
    read_newest_offsets,
    sync_folder,
    write_part,
)


def compact(folder: Path, target_bytes: int = 128 << 20) -> list[Path]:
    """Merge the small files of one view's folder; the new files.

    Args:
        target_bytes: files are merged as long as they stay below this together.
    """
    return [_merge(folder, run) for run in _runs(folder, target_bytes) if len(run) > 1]


def _runs(folder: Path, target_bytes: int) -> Iterator[list[Part]]:
    """Neighbours that fit together, one list for each file to be."""
    run: list[Part] = []
    size = 0
    for part in parts_in(folder):
        more = (folder / part.name).stat().st_size
        if run and (part.partition != run[0].partition or size + more > target_bytes):
            yield run
            run, size = [], 0
        run.append(part)
        size += more
    yield run


def _merge(folder: Path, run: list[Part]) -> Path:
    paths = [folder / part.name for part in run]
    whole = folder / Part(run[0].partition, run[0].first, run[-1].last).name
    schema = pq.read_schema(folder / SCHEMA_FILE)
    write_part(whole, _rows(paths, schema), merged(map(read_newest_offsets, paths)))
    for path in paths:
        path.unlink()
    sync_folder(folder)
    return whole


def _rows(paths: Iterable[Path], schema: pa.Schema) -> pa.Table:
    tables = [pq.read_table(path, partitioning=None) for path in paths]
    return pa.concat_tables([table.select(schema.names).cast(schema) for table in tables])
