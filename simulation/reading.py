"""Files to logs: JSON lines, CSV and Parquet, plain or compressed with gzip or Zstandard.

Bytes, lines and records come from `millstream.event_files`, as for `millstream publish`; tables are
read by column, as a log of millions of rows takes seconds that way.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from millstream.codec import decode
from millstream.errors import DatasetError, InvalidEvent
from millstream.event_files import FileRecord, source_of
from millstream.event_files.lines import lines
from millstream.event_files.records import json_records
from millstream.events import Event
from simulation.event_log import SESSION_GAP_S, log_of_events, numbered
from simulation.log import EventLog, sessions_by_gap

NEEDED = ("user_id", "item_id", "event_time")
FIELDS = (*NEEDED, "session_id")
# Prefixes of further columns, that figures can be divided by.
GROUPS = ("context.", "user.", "item.")
# Times above this are milliseconds: as seconds they would be later than 2100.
_LATEST_S = 4_102_444_800.0


def read(paths: Sequence[Path], names: Mapping[str, str] | None = None) -> EventLog:
    """One log out of files, in time order; events of the same moment stay in the files' order.

    Args:
        names: columns of CSV and Parquet files by the field they hold (`user_id`, `item_id`,
            `event_time`, `session_id`); without it they are called like the field. Times may be
            seconds or milliseconds. Without a session, a user's pause of 30 minutes ends one.
            `context.NAME`, `user.NAME` and `item.NAME` are kept for figures alone.

    Raises:
        DatasetError: a file cannot be read as events.
    """
    kinds = {_kind(path) for path in paths}
    if kinds == {"jsonl"}:
        return log_of_events([event for path in paths for event in _events(path)])
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


def _table(path: Path, names: Mapping[str, str]) -> pa.Table:
    """The wanted columns of a file, called as the events' fields are."""
    try:
        whole = _parquet(path) if _kind(path) == "parquet" else _csv(path)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path.name} cannot be read: {error}") from error
    missing = [column for column in names.values() if column not in whole.column_names]
    if missing:
        raise DatasetError(
            f"{path.name} must have the columns {', '.join(missing)}. "
            f"Received: {', '.join(whole.column_names)}."
        )
    return pa.table({field: whole[column] for field, column in names.items()})


def _csv(path: Path) -> pa.Table:
    with source_of(str(path)).open() as stream:
        return pa.csv.read_csv(stream)


def _parquet(path: Path) -> pa.Table:
    """The table of a file; one that is compressed as a whole is unpacked in memory."""
    if path.suffix.lower() == ".parquet":
        return pq.read_table(path)
    with pa.input_stream(path, compression="detect") as stream:
        return pq.read_table(io.BytesIO(stream.read()))


def _log_of_table(table: pa.Table) -> EventLog:
    times = table["event_time"].to_numpy().astype(np.float64)
    times = np.where(times > _LATEST_S, times / 1000.0, times)
    table = table.take(order := np.argsort(times, kind="stable"))
    times = times[order]
    users, user_ids = numbered(table["user_id"])
    items, item_ids = numbered(table["item_id"])
    has_sessions = "session_id" in table.column_names
    gap = sessions_by_gap(users, times, SESSION_GAP_S)
    sessions = numbered(table["session_id"])[0] if has_sessions else gap
    positive = np.ones(len(times), np.bool_)
    further = {
        name: np.array(table[name].cast(pa.string()).to_pylist(), object)
        for name in table.column_names
        if name.startswith(GROUPS)
    }
    return EventLog(times, users, items, sessions, positive, user_ids, item_ids, columns=further)


def _events(path: Path) -> Iterator[Event]:
    try:
        with source_of(str(path)).open() as stream:
            for record in json_records(lines(stream)):
                yield _event(path, record)
    except OSError as error:
        raise DatasetError(f"{path.name} cannot be read: {error}") from error


def _event(path: Path, record: FileRecord) -> Event:
    try:
        if record.fault is not None:
            raise InvalidEvent(record.fault)
        missing = {"event_id": f"{path.name}:{record.first_line}"}
        return cast(Event, decode(record.content, missing=missing))
    except InvalidEvent as error:
        raise DatasetError(f"{path.name} line {record.first_line}: {error}") from error
