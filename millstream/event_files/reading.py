"""Events of the records of a file, with ids that stay when the file grows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from millstream.codec import parsed, with_defaults
from millstream.errors import InvalidEvent
from millstream.event_files.database import DatabaseTable
from millstream.event_files.lines import Line, lines
from millstream.event_files.progress import PublishProgress
from millstream.event_files.records import FileRecord, csv_records, digest, json_records
from millstream.event_files.source import RegularFile, StandardInput
from millstream.event_files.table import EventTable, cells_of
from millstream.events import Event

MAX_REASON = 500
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

# A parsed JSON value and the time (Unix seconds) to a checked event; raises `InvalidEvent`.
EventOf = Callable[[Any, float], Event]


@dataclass
class EventFile:
    """A file that is read record by record, from the beginning or from where it was left.

    Args:
        source: where its bytes are.
        is_csv: whether it is CSV with a header; else JSON lines.
        kind, renamed, constants: see `EventTable`.
        resumed: whether `records` went on where an earlier run had left.
    """

    source: RegularFile | StandardInput | DatabaseTable
    is_csv: bool
    kind: str = "interaction"
    renamed: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    table: EventTable | None = None
    seed: str = ""
    resumed: bool = False

    def records(self, start: PublishProgress | None = None) -> Iterator[FileRecord]:
        """The records that are still to be published; blank lines are none.

        Args:
            start: what an earlier run has delivered; not regarded where the file is another now.

        Raises:
            InvalidEvent: the header cannot be read, or compressed bytes are damaged.
        """
        with self.source.open() as stream:
            records = _watched(self._split(lines(stream), 0))
            header = self._read_header(records)
            first = next(records, None)
            if first is None:
                return
            self.seed = digest(header, first.content)
            self.resumed = start is not None and self._is_of(start)
            if not self.resumed or start is None:
                yield first
                yield from records
                return
        with self.source.open(start.next_byte) as stream:
            rest = self._split(lines(stream, start.next_byte, start.line), start.ordinal)
            yield from _watched(rest)

    def event(self, record: FileRecord, now_s: float, event_of: EventOf) -> Event:
        """The event of one of `records`; see `event_of_record`."""
        return event_of_record(record, self.table, self.seed, now_s, event_of)

    def _split(self, of: Iterable[Line], after: int) -> Iterator[FileRecord]:
        return csv_records(of, after) if self.is_csv else json_records(of, after)

    def _read_header(self, records: Iterator[FileRecord]) -> bytes:
        if not self.is_csv:
            return b""
        header = next(records, None)
        if header is None:
            return b""
        try:
            if header.content.startswith(_UTF16):
                raise InvalidEvent("Expected UTF-8. Received: UTF-16")
            names = [name.strip() for name in cells_of(header.content)]
            self.table = EventTable(names, self.kind, self.renamed, self.constants)
        except InvalidEvent as error:
            raise InvalidEvent(error.reason, f"line {header.first_line}") from error
        return header.content

    def _is_of(self, start: PublishProgress) -> bool:
        """True if this file still begins with what `start` says was delivered."""
        if not self.source.can_resume or start.seed != self.seed:
            return False
        with self.source.open(start.start) as stream:
            return digest(stream.read(start.length)) == start.content


def event_of_record(
    record: FileRecord, table: EventTable | None, seed: str, now_s: float, event_of: EventOf
) -> Event:
    """The event of one record.

    An event without an id gets one made of the file's beginning, the record's place and its
    content: publishing the file again, or more of it, gives the same; equal lines are distinct
    events. One without a time happened now.

    Args:
        table: of a CSV file; None is JSON.
        seed: of the file: digest of its header and first record.
        now_s: Unix seconds.
        event_of: makes the event of a value.

    Raises:
        InvalidEvent: the path begins with the line: `line 3: $.user_id`.
    """
    try:
        return _event(record, table, seed, now_s, event_of)
    except InvalidEvent as error:
        reason, path = error.reason, error.path
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        reason, path = f"Expected an event. Received: {error}", "$"
    reason = " ".join(reason.split())
    if len(reason) > MAX_REASON:
        reason = f"{reason[:MAX_REASON]}…"
    raise InvalidEvent(reason, f"line {record.first_line}: {path}")


def _event(
    record: FileRecord, table: EventTable | None, seed: str, now_s: float, event_of: EventOf
) -> Event:
    if record.fault is not None:
        raise InvalidEvent(record.fault)
    value = _json_object(record.content) if table is None else table.object(record.content)
    event_id = digest(seed.encode(), str(record.ordinal).encode(), record.content)
    return event_of(with_defaults(value, event_id, now_s), now_s)


def _json_object(content: bytes) -> Any:
    if content.startswith(_UTF16):
        raise InvalidEvent("Expected UTF-8. Received: UTF-16")
    return parsed(content)


def _watched(records: Iterator[FileRecord]) -> Iterator[FileRecord]:
    """The records; compressed bytes that are damaged or cut are a fault of the next one."""
    last = 0
    try:
        for record in records:
            yield record
            last = record.last_line
    except OSError as error:
        raise InvalidEvent(
            f"Expected the file to be readable to its end. Received: {error}", f"line {last + 1}"
        ) from error
