"""The embedded log: topics with partitions and offsets in SQLite, a file each.

    <folder>/<topic>.sqlite

A record's row id is its partition and its offset. Appending is one transaction, on the disk when
it ends: what was accepted is there after a kill or a power cut, whole, and what was not is not
there at all. Offsets go on for ever; retention takes the oldest records of a topic, or of a
compacted one those that a newer one of their key has replaced. Each topic has an identity, as
Kafka's have.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from millstream.embedded.sqlite import SqliteFile, Sync
from millstream.errors import LogUnavailable
from millstream.log_identity import TopicLog
from millstream.partitioning import partitions_of
from millstream.topics import DAY_S, EXAMPLES, FEATURES, SERVING, TOPICS, TOUCHES, Topic

# A row id is `partition << _BITS | offset`.
_BITS = 48
_SLICE = 5_000
# Of the topics that take the most room a small installation keeps less than a large one.
_RETENTION_S = {EXAMPLES: DAY_S, FEATURES: DAY_S, TOUCHES: DAY_S}
_TOMBSTONES_S = DAY_S
# What comes again every second need not wait for the disk.
_PASSING = (SERVING,)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    place INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, key BLOB, value BLOB, headers BLOB);
CREATE TABLE IF NOT EXISTS partitions (
    number INTEGER PRIMARY KEY, first INTEGER NOT NULL, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS identity (topic_id TEXT NOT NULL);
"""

Headers = tuple[tuple[str, bytes], ...]
_HEADERS = msgspec.msgpack.Decoder(Headers)


class NewRecord(NamedTuple):
    """A record to append.

    Args:
        key: decides on the partition, as with Kafka's own clients.
        value: None deletes the key from a compacted topic.
        time_ms: Unix milliseconds.
        partition: None is that of the key.
    """

    key: bytes | None
    value: bytes | None
    time_ms: int
    partition: int | None = None
    headers: Headers = ()


class LogRecord(NamedTuple):
    """A record with its place."""

    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class TopicFile:
    """One topic.

    Args:
        folder: of the log.

    Raises:
        LogUnavailable: the file cannot be opened.
    """

    def __init__(self, folder: Path, topic: Topic) -> None:
        self.topic = topic
        sync: Sync = "NORMAL" if topic in _PASSING else "FULL"
        self._file = SqliteFile(folder / f"{topic.name}.sqlite", _SCHEMA, sync, LogUnavailable)
        with self._file.writing() as now:
            if not now.execute("SELECT 1 FROM identity").fetchone():
                now.execute("INSERT INTO identity VALUES (?)", (str(uuid.uuid4()),))
            numbers = ((n,) for n in range(topic.partitions))
            now.executemany("INSERT OR IGNORE INTO partitions VALUES (?, 0, 0)", numbers)

    def append(self, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        """Put records at the end; partition and offset of each. They are on the disk then.

        Raises:
            LogUnavailable: the disk does not take them: none of them is there.
        """
        numbers = self._partitions(records)
        with self._file.writing() as now:
            ends = dict(now.execute("SELECT number, next FROM partitions").fetchall())
            places = []
            for number in numbers:
                places.append((number, ends[number]))
                ends[number] += 1
            rows = (
                (_place(*at), r.time_ms, r.key, r.value, _encoded(r.headers))
                for at, r in zip(places, records, strict=True)
            )
            now.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
            changed = ((ends[number], number) for number in set(numbers))
            now.executemany("UPDATE partitions SET next = ? WHERE number = ?", changed)
        return places

    def read(self, partition: int, offset: int, limit: int) -> list[LogRecord]:
        """Up to `limit` records of a partition, from `offset` on."""
        found = self._file.rows(
            "SELECT * FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
            (_place(partition, offset), _place(partition + 1, 0), limit),
        )
        return [
            LogRecord(partition, _offset(place), time_ms, key, value, _decoded(headers))
            for place, time_ms, key, value, headers in found
        ]

    def whole(self, partition: int) -> Iterator[LogRecord]:
        """Every record of a partition, some at a time."""
        offset = 0
        while some := self.read(partition, offset, _SLICE):
            yield from some
            offset = some[-1].offset + 1

    def as_of_now(self) -> TopicLog:
        """The topic as it is now."""
        with self._file.reading() as now:
            (identity,) = now.execute("SELECT topic_id FROM identity").fetchone()
            rows = now.execute("SELECT number, first, next FROM partitions").fetchall()
        begins, ends = ({row[0]: row[place] for row in rows} for place in (1, 2))
        return TopicLog(identity, begins, ends)

    def ends(self) -> dict[int, int]:
        """One past the last offset of each partition."""
        return dict(self._file.rows("SELECT number, next FROM partitions"))

    def since(self, partition: int, time_ms: int) -> tuple[int, int] | None:
        """Offset and time of the first record of `time_ms` or later; None where there is none."""
        found = self._file.rows(
            "SELECT place, time_ms FROM records WHERE place >= ? AND place < ? AND time_ms >= ?"
            " ORDER BY place LIMIT 1",
            (_place(partition, 0), _place(partition + 1, 0), time_ms),
        )
        return (_offset(found[0][0]), found[0][1]) if found else None

    def count_before(self, partition: int, offset: int) -> int:
        """How many records there are of a partition before `offset`."""
        bounds = (_place(partition, 0), _place(partition, offset))
        ((found,),) = self._file.rows(
            "SELECT count(*) FROM records WHERE place >= ? AND place < ?", bounds
        )
        return int(found)

    def version(self) -> int:
        """See `SqliteFile.version`."""
        return self._file.version()

    def tidy(self, now_s: float) -> int:
        """Let retention take what is over; how many records."""
        if self.topic.cleanup == "compact":
            return self._compact(now_s)
        kept_s = _RETENTION_S.get(self.topic, self.topic.retention_s)
        if kept_s is None:
            return 0
        return sum(self._expire(n, round((now_s - kept_s) * 1000)) for n in self.ends())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _partitions(self, records: Sequence[NewRecord]) -> list[int]:
        keyed = [r.key for r in records if r.partition is None and r.key is not None]
        by_key = iter(partitions_of(keyed, self.topic.partitions).tolist() if keyed else ())
        return [
            r.partition if r.partition is not None else 0 if r.key is None else next(by_key)
            for r in records
        ]

    def _expire(self, number: int, before_ms: int) -> int:
        """Take the records off the beginning of a partition that are older than that."""
        kept = self.since(number, before_ms)
        first = self.ends()[number] if kept is None else kept[0]
        taken = 0
        while True:  # others may write in between
            with self._file.writing() as now:
                found = now.execute(
                    "DELETE FROM records WHERE place IN (SELECT place FROM records"
                    " WHERE place >= ? AND place < ? ORDER BY place LIMIT ?)",
                    (_place(number, 0), _place(number, first), _SLICE),
                )
                now.execute(
                    "UPDATE partitions SET first = max(first, ?) WHERE number = ?", (first, number)
                )
            taken += found.rowcount
            if found.rowcount < _SLICE:
                return taken

    def _compact(self, now_s: float) -> int:
        """Take out what a newer record of its key has replaced, and old deletions."""
        with self._file.writing() as now:
            found = now.execute(
                "DELETE FROM records WHERE place IN (SELECT place FROM (SELECT place, value,"
                " time_ms, row_number() OVER (PARTITION BY key ORDER BY place DESC) AS age"
                " FROM records) WHERE age > 1 OR (value IS NULL AND time_ms < ?))",
                (round((now_s - _TOMBSTONES_S) * 1000),),
            )
            return int(found.rowcount)


class EmbeddedLog:
    """The topics of one installation.

    Args:
        folder: of their files; missing ones are made.

    Raises:
        LogUnavailable: a file cannot be opened.
    """

    def __init__(self, folder: Path, topics: Iterable[Topic] = TOPICS) -> None:
        self._files = {topic: TopicFile(folder, topic) for topic in topics}

    def __getitem__(self, topic: Topic) -> TopicFile:
        return self._files[topic]

    def logs(self, topics: Iterable[Topic]) -> dict[Topic, TopicLog]:
        """Topics as they are now; see `millstream.log_identity.logs_of`."""
        return {topic: self[topic].as_of_now() for topic in topics}

    def tidy(self, now_s: float) -> int:
        """Let retention take what is over in every topic; how many records."""
        return sum(file.tidy(now_s) for file in self._files.values())

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()


def _place(partition: int, offset: int) -> int:
    return partition << _BITS | offset


def _offset(place: int) -> int:
    return place & ((1 << _BITS) - 1)


def _encoded(headers: Headers) -> bytes | None:
    return msgspec.msgpack.encode(headers) if headers else None


def _decoded(headers: Any) -> Headers:
    return _HEADERS.decode(headers) if headers else ()
