"""Events of the past in the order of their times: files, tables of a database, retained topics.

Each file, and each partition of a topic, stays in its order; between them the one whose next event
is the oldest goes first, by the running maximum of its event times, as in the stream. Upserts in
topics are tables, and go first.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from math import inf

from features.dedup import fingerprint
from features.topic_events import Door
from features.validation import MAX_FUTURE_S, event_of
from millstream import topic_reading
from millstream.errors import DatasetError, InvalidEvent
from millstream.event_files import EventFile, FileRecord
from millstream.events import AnyEvent, Event, Impression, Interaction, ItemUpsert
from millstream.settings import Settings
from millstream.topics import IMPRESSIONS, INTERACTIONS, ITEMS, USERS, Topic
from stream.history.log_files import LogSource
from stream.ingest.arrival import bounded
from stream.ingest.decode import entries_of, plain_interaction
from stream.ingest.records import EventRecord, SourceRecord, TopicPartition

TABLES, TIMED = (ITEMS, USERS), (INTERACTIONS, IMPRESSIONS)
_AT_ONCE = 2_000


class FileEvents:
    """The events of files and tables; `offset` of a record counts them all.

    Args:
        files: in the order that settles events of one time.
        door: what is let in.
        renamed, constants: see `millstream.event_files.EventTable`.
        skips_invalid: leave records out that are no events, and count them.

    Attributes:
        skipped: records that were left out so far.
        read_bytes: of the files, so far.
    """

    def __init__(
        self,
        files: Sequence[LogSource],
        door: Door,
        renamed: dict[str, str] | None = None,
        constants: dict[str, str] | None = None,
        skips_invalid: bool = False,
    ) -> None:
        self._files, self._door, self._skips = files, door, skips_invalid
        self._renamed, self._constants = renamed or {}, constants or {}
        self.skipped = 0
        self._reached = dict.fromkeys(files, 0)

    @property
    def read_bytes(self) -> int:
        return sum(self._reached.values())

    def __iter__(self) -> Iterator[EventRecord]:
        """The records.

        Raises:
            DatasetError: a file cannot be read, or a record is no event.
        """
        events = in_time([self._events(file) for file in self._files])
        for place, event in enumerate(events):
            source = TopicPartition(_topic_of(event).name, 0)
            yield EventRecord(source, place, event, fingerprint(event.event_id), b"")

    def _events(self, file: LogSource) -> Iterator[Event]:
        source, now_s = file.opened(self._renamed), time.time()
        reading = EventFile(source, source.is_csv, file.kind, self._renamed, self._constants)
        try:
            for record in reading.records():
                event = self._event(reading, record, now_s)
                if event is not None:
                    yield event
                if record.ordinal % _AT_ONCE == 0:
                    self._reached[file] = record.next_byte
        except (InvalidEvent, OSError) as error:
            raise DatasetError(f"{file.name}: {error}") from error

    def _event(self, reading: EventFile, record: FileRecord, now_s: float) -> Event | None:
        if not reading.is_csv and record.fault is None:
            plain = plain_interaction(record.content, now_s + MAX_FUTURE_S)
            if plain is not None:
                return plain
        door = self._door
        try:
            return reading.event(
                record,
                now_s,
                lambda value, at: event_of(
                    value, AnyEvent, at, door.max_event_bytes, door.on_unknown
                ),
            )
        except InvalidEvent:
            if not self._skips:
                raise
            self.skipped += 1
            return None


def in_time(sources: Sequence[Iterable[Event]]) -> Iterator[Event]:
    """The events of several sources as one sequence; see above."""
    if len(sources) == 1:
        return iter(sources[0])
    pairs = [_timed(source, number) for number, source in enumerate(sources)]
    return (event for _, _, event in merge(*pairs, key=lambda entry: entry[:2]))


def _timed(source: Iterable[Event], number: int) -> Iterator[tuple[float, int, Event]]:
    newest = -inf
    for event in source:
        newest = max(newest, event.event_time)
        yield newest, number, event


def topic_records(
    settings: Settings,
    door: Door,
    now_s: float,
    since: Mapping[TopicPartition, int] | None = None,
    until: Mapping[TopicPartition, int] | None = None,
) -> Iterator[EventRecord]:
    """Everything that the event topics hold now; they are only read.

    What the stream would refuse is left out.

    Args:
        now_s: Unix seconds.
        since: the first offsets; other partitions, and tables, are read from their beginning.
        until: the offsets before which it ends; other partitions are read to their end.

    Raises:
        LogUnavailable: no broker answers, or a topic is not there.
    """
    bounds = dict(since or {}), dict(until or {})
    for topic in TABLES:
        for number in topic_reading.partitions_of(settings, topic):
            yield from _partition(settings, topic, number, door, now_s, ({}, bounds[1]))
    timed = [
        _timed_records(_partition(settings, topic, number, door, now_s, bounds), place)
        for place, (topic, number) in enumerate(
            (topic, number)
            for topic in TIMED
            for number in topic_reading.partitions_of(settings, topic)
        )
    ]
    for _, _, record in merge(*timed, key=lambda entry: entry[:2]):
        yield record


def _timed_records(
    records: Iterable[EventRecord], number: int
) -> Iterator[tuple[float, int, EventRecord]]:
    newest = -inf
    for record in records:
        if not record.event.is_probe:
            newest = max(newest, record.event.event_time)
        yield newest, number, record


def _partition(
    settings: Settings,
    topic: Topic,
    number: int,
    door: Door,
    now_s: float,
    bounds: tuple[Mapping[TopicPartition, int], Mapping[TopicPartition, int]],
) -> Iterator[EventRecord]:
    source = TopicPartition(topic.name, number)
    since, until = (each.get(source) for each in bounds)
    messages = topic_reading.messages(
        settings, topic, partition=number, since_offset=since, until_offset=until
    )
    while some := list(islice(messages, _AT_ONCE)):
        records = [
            SourceRecord(
                source,
                m.offset,
                m.key,
                m.value,
                m.timestamp_s if m.origin is None else m.origin.timestamp_s,
                m.origin,
            )
            for m in some
        ]
        entries = entries_of(records, now_s, door)
        for entry in bounded(entries, records, now_s, settings.max_clock_skew_s):
            if type(entry) is EventRecord:
                yield entry


def _topic_of(event: Event) -> Topic:
    if isinstance(event, Interaction):
        return INTERACTIONS
    if isinstance(event, Impression):
        return IMPRESSIONS
    return ITEMS if isinstance(event, ItemUpsert) else USERS
