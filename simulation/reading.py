"""Files to logs: CSV, JSON lines and Parquet, plain or compressed with gzip or zstd."""

import gzip
import io
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from features.labels import label_of
from millstream.codec import decode
from millstream.errors import DatasetError, InvalidEvent
from millstream.events import Interaction, ItemUpsert, UserUpsert
from simulation.log import EventLog, Upsert, sessions_by_gap

SESSION_GAP_S = 1_800.0
NEEDED = ("user_id", "item_id", "event_time")
FIELDS = (*NEEDED, "session_id")
# Times above this are milliseconds: as seconds they would be later than 2100.
_LATEST_S = 4_102_444_800.0


def read(paths: Sequence[Path], names: Mapping[str, str] | None = None) -> EventLog:
    """One log out of files, in time order; events of the same moment stay in the files' order.

    Args:
        names: columns of CSV and Parquet files by the field they hold (`user_id`, `item_id`,
            `event_time`, `session_id`); without it they are called like the field. Times may be
            seconds or milliseconds. Without a session, a user's pause of 30 minutes ends one.

    Raises:
        DatasetError: a file cannot be read as events.
    """
    kinds = {_kind(path) for path in paths}
    if kinds == {"jsonl"}:
        return _log_of_events([event for path in paths for event in _events(path)])
    if "jsonl" in kinds:
        raise DatasetError(f"Expected JSON lines or tables, not both. Received: {_names(paths)}.")
    tables = [_table(path, {name: name for name in NEEDED} | dict(names or {})) for path in paths]
    return _log_of_table(pa.concat_tables(tables))


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)


def _kind(path: Path) -> str:
    endings = [ending.lower() for ending in path.suffixes]
    for ending, kind in ((".csv", "csv"), (".parquet", "parquet"), (".jsonl", "jsonl")):
        if ending in endings:
            return kind
    raise DatasetError(
        f"Expected a file that ends in .csv, .jsonl or .parquet (or .gz, .zst after it). "
        f"Received: {path.name!r}."
    )


def _opened(path: Path) -> AbstractContextManager[IO[bytes]]:
    """The bytes of a file, whatever they were compressed with."""
    match path.suffix:
        case ".gz":
            return cast(IO[bytes], gzip.open(path, "rb"))
        case ".zst":
            import zstandard

            return io.BufferedReader(cast(Any, zstandard.open(path, "rb")))
        case _:
            return path.open("rb")


def _table(path: Path, names: Mapping[str, str]) -> pa.Table:
    """The wanted columns of a file, called as the events' fields are."""
    try:
        with _opened(path) as stream:
            is_csv = _kind(path) == "csv"
            whole = pa.csv.read_csv(stream) if is_csv else pq.read_table(stream)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path.name} cannot be read: {error}") from error
    missing = [column for column in names.values() if column not in whole.column_names]
    if missing:
        raise DatasetError(
            f"{path.name} must have the columns {', '.join(missing)}. "
            f"Received: {', '.join(whole.column_names)}."
        )
    return pa.table({field: whole[column] for field, column in names.items()})


def _log_of_table(table: pa.Table) -> EventLog:
    times = table["event_time"].to_numpy().astype(np.float64)
    times = np.where(times > _LATEST_S, times / 1000.0, times)
    table = table.take(order := np.argsort(times, kind="stable"))
    times = times[order]
    users, user_ids = _numbered(table["user_id"])
    items, item_ids = _numbered(table["item_id"])
    has_sessions = "session_id" in table.column_names
    gap = sessions_by_gap(users, times, SESSION_GAP_S)
    sessions = _numbered(table["session_id"])[0] if has_sessions else gap
    positive = np.ones(len(times), np.bool_)
    return EventLog(times, users, items, sessions, positive, user_ids, item_ids)


def _numbered(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Each value as its number, in the order of first sight, and the values as text."""
    coded = pc.dictionary_encode(column.combine_chunks().cast(pa.string()))
    return coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist()


def _events(path: Path) -> list[Any]:
    events = []
    with _opened(path) as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                try:
                    events.append(decode(line, missing={"event_id": f"{path.name}:{number}"}))
                except InvalidEvent as error:
                    raise DatasetError(f"{path.name} line {number}: {error}") from error
    return events


def _log_of_events(events: Sequence[Any]) -> EventLog:
    """Impressions are left out: the loop makes its own lists."""
    done = sorted((e for e in events if isinstance(e, Interaction)), key=lambda e: e.event_time)
    upserts: list[Upsert] = [e for e in events if isinstance(e, ItemUpsert | UserUpsert)]
    times = np.array([event.event_time for event in done])
    users, user_ids = _numbered(pa.chunked_array([[event.user_id for event in done]], pa.string()))
    items, item_ids = _numbered(pa.chunked_array([[event.item_id for event in done]], pa.string()))
    return EventLog(
        times,
        users,
        items,
        sessions_by_gap(users, times, SESSION_GAP_S),
        np.array([label_of(event.kind, event.value) == 1.0 for event in done], np.bool_),
        user_ids,
        item_ids,
        done,
        sorted(upserts, key=lambda event: event.event_time),
    )
