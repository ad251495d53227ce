"""The embedded log as serving uses it: records in by one thread, topics out by looking."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.structs import OffsetAndTimestamp

from millstream.clock import Clock, SystemClock
from millstream.embedded.log import EmbeddedLog, LogRecord, NewRecord, TopicFile
from millstream.errors import LogUnavailable
from millstream.settings import Settings
from millstream.topics import TOPICS, Topic
from serving.consumers.broker import RecordReader, RecordSender

# How often a reader looks whether anything came.
LOOKS_EVERY_S = 0.03
_MOST_WAITING = 50_000
_MOST_RECORDS = 500


class _Waiting(NamedTuple):
    topic: Topic
    record: NewRecord
    done: "asyncio.Future[None]"


class EmbeddedBroker:
    """`Broker` on the embedded log.

    Args:
        settings: name the topics.
        log: is closed by whoever opened it.
        clock: stamps records.
    """

    def __init__(self, settings: Settings, log: EmbeddedLog, clock: Clock | None = None) -> None:
        self._topics = {settings.topic(topic): topic for topic in TOPICS}
        self._log, self._clock = log, clock or SystemClock()

    def sender(self) -> RecordSender:
        """See `Broker.sender`."""
        return LogSender(self._topics, self._log, self._clock)

    def reader(self, topic: str) -> RecordReader:
        """See `Broker.reader`."""
        return LogReader(topic, self._log[self._topics[topic]])


class LogSender:
    """`RecordSender` into the embedded log.

    A thread appends what has come while it was appending before: records that come at the same time
    share the wait for the disk.
    """

    def __init__(self, topics: Mapping[str, Topic], log: EmbeddedLog, clock: Clock) -> None:
        self._topics, self._log, self._clock = topics, log, clock
        self._waiting: list[_Waiting] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="log")
        self._draining: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """See `RecordSender.start`: the log is there."""

    async def stop(self) -> None:
        """See `RecordSender.stop`."""
        if self._draining is not None:
            await asyncio.wait([self._draining])
        self._thread.shutdown()

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        *,
        timestamp_ms: int | None = None,
    ) -> "asyncio.Future[None]":
        """See `RecordSender.send`.

        Raises:
            LogUnavailable: too much waits for the disk.
        """
        if len(self._waiting) >= _MOST_WAITING:
            raise LogUnavailable("Too many records wait for the disk.")
        loop, own = asyncio.get_running_loop(), self._topics[topic]
        now_ms = round(self._clock.now() * 1000)
        is_stamped = timestamp_ms is not None and own.timestamps == "CreateTime"
        record = NewRecord(key, value, timestamp_ms if is_stamped and timestamp_ms else now_ms)
        waiting = _Waiting(own, record, loop.create_future())
        self._waiting.append(waiting)
        if self._draining is None or self._draining.done():
            self._draining = loop.create_task(self._drain())
        return waiting.done

    async def _drain(self) -> None:
        """Append until nothing waits."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            some, self._waiting = self._waiting, []
            outcomes = await loop.run_in_executor(self._thread, self._append, some)
            for waiting in some:
                if waiting.done.done():  # nobody waits any more
                    continue
                if (error := outcomes.get(waiting.topic)) is not None:
                    waiting.done.set_exception(error)
                else:
                    waiting.done.set_result(None)

    def _append(self, some: Sequence[_Waiting]) -> dict[Topic, Exception]:
        """In the thread: what went wrong, by topic."""
        by_topic: defaultdict[Topic, list[NewRecord]] = defaultdict(list)
        for waiting in some:
            by_topic[waiting.topic].append(waiting.record)
        outcomes: dict[Topic, Exception] = {}
        for topic, records in by_topic.items():
            try:
                self._log[topic].append(records)
            except Exception as error:  # whoever waits for it is told
                outcomes[topic] = error
        return outcomes


class LogReader:
    """`RecordReader` of the embedded log."""

    def __init__(self, name: str, file: TopicFile) -> None:
        self._name, self._file = name, file
        numbers = range(file.topic.partitions)
        self._next = {TopicPartition(name, number): 0 for number in numbers}
        self._seen: int | None = None  # the file's version when all of it had been read

    async def start(self) -> None:
        """See `RecordReader.start`: the log is there."""

    async def stop(self) -> None:
        """See `RecordReader.stop`: there is nothing to let go."""

    def assignment(self) -> set[TopicPartition]:
        """See `RecordReader.assignment`."""
        return set(self._next)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """See `RecordReader.seek`."""
        self._next[partition], self._seen = offset, None

    async def position(self, partition: TopicPartition) -> int:
        """See `RecordReader.position`."""
        return self._next[partition]

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """See `RecordReader.end_offsets`."""
        ends = self._file.ends()
        return {each: ends[each.partition] for each in partitions}

    async def offsets_for_times(
        self, times_ms: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, OffsetAndTimestamp | None]:
        """See `RecordReader.offsets_for_times`."""
        found = {p: self._file.since(p.partition, at_ms) for p, at_ms in times_ms.items()}
        return {p: OffsetAndTimestamp(*place) if place else None for p, place in found.items()}

    async def getmany(
        self, *, timeout_ms: int = 0, max_records: int | None = None
    ) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
        """See `RecordReader.getmany`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_ms / 1000
        while True:
            found = self._look(max_records or _MOST_RECORDS)
            if found or loop.time() >= until:
                return found
            await asyncio.sleep(LOOKS_EVERY_S)

    def _look(self, most: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        """What has come since the last look, up to `most` records."""
        version = self._file.version()
        if version == self._seen:
            return {}
        found: dict[TopicPartition, list[ConsumerRecord]] = {}
        ends = self._file.ends()
        for partition, offset in self._next.items():
            if most > 0 and offset < ends[partition.partition]:
                records = self._file.read(partition.partition, offset, most)
                most -= len(records)
                # Where retention has taken the rest there is nothing more.
                end = records[-1].offset + 1 if records else ends[partition.partition]
                self._next[partition] = end
                if records:
                    found[partition] = [self._record(each) for each in records]
        if not found:
            self._seen = version
        return found

    def _record(self, record: LogRecord) -> ConsumerRecord:
        key, value = record.key, record.value
        return ConsumerRecord(
            topic=self._name,
            partition=record.partition,
            offset=record.offset,
            timestamp=record.time_ms,
            timestamp_type=0,
            key=key,
            value=value,
            checksum=None,
            serialized_key_size=len(key or b""),
            serialized_value_size=len(value or b""),
            headers=record.headers,
        )
