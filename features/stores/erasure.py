"""Erasure of people from the offline store: their rows leave the part files of a view."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.stores.parts import parts_in, read_newest_offsets, write_part
from features.stores.schema import EVENT_TIMESTAMP

_MICROSECONDS = 1e6


def erase(folder: Path, key: str, erased: Mapping[str, float]) -> int:
    """Take out the rows of ids that are not newer than their erasure; how many they were.

    A file is replaced as a whole, and only where it has such rows. To be run when `compact` may be.

    Args:
        key: column of the ids.
        erased: the time of its erasure by id, Unix seconds.
    """
    if not folder.is_dir() or not erased:
        return 0
    ids = pa.array(list(erased), pa.string())
    times = pa.array([round(at * _MICROSECONDS) for at in erased.values()], pa.int64())
    return sum(_erase_in(folder / part.name, key, ids, times) for part in parts_in(folder))


def _erase_in(path: Path, key: str, ids: pa.Array, times: pa.Array) -> int:
    found = pq.read_table(path, columns=[key, EVENT_TIMESTAMP], partitioning=None)
    places = pc.index_in(found[key].cast(pa.string()), ids)
    limits = pc.take(times, places)
    is_old = pc.less_equal(found[EVENT_TIMESTAMP].cast(pa.int64()), limits)
    is_gone = pc.fill_null(is_old, False)
    count = pc.sum(is_gone).as_py() or 0
    if count:
        offsets, rows = read_newest_offsets(path), pq.read_table(path, partitioning=None)
        write_part(path, rows.filter(pc.invert(is_gone)), offsets)
    return int(count)
