"""What comes into the topics of the embedded log, handed to the worker and to the offline sink."""

import asyncio
import time

from millstream.embedded.log import EmbeddedLog, LogRecord
from millstream.embedded.store import EmbeddedStore
from millstream.partitioning import origin_of
from millstream.topics import FEATURES, IMPRESSIONS, INTERACTIONS, ITEMS, TOUCHES, USERS, Topic
from stream.ingest.records import SourceRecord, TopicPartition
from stream.metrics import StreamMetrics
from stream.outputs.parquet_sink import OfflineSink
from stream.worker import StreamWorker

SOURCES = (ITEMS, TOUCHES, USERS, IMPRESSIONS, INTERACTIONS)
FEATURES_PARTITION = TopicPartition(FEATURES.name, 0)

LOOKS_EVERY_S = 0.02
TIDY_EVERY_S = 600.0
FETCH_RECORDS = 4_000
FETCH_MESSAGES = 64


class Holds(set[TopicPartition]):
    """Partitions that are not read for now."""

    def hold(self, source: TopicPartition, held: bool) -> None:
        """Read no more of a partition, or go on."""
        (self.add if held else self.discard)(source)


class SinkPosition:
    """How far topic `features` is in files, kept in the store.

    Args:
        key: of the string that it is.
    """

    def __init__(self, store: EmbeddedStore, key: str) -> None:
        self._store, self._key = store, key

    def read(self) -> int:
        """The next offset to read."""
        (found,) = self._store.read([("GET", self._key)])
        return int(found or 0)

    def keep(self, offset: int) -> None:
        """Go on from there the next time."""
        self._store.write([("SET", self._key, offset)])


class SourceReader:
    """Hands on what comes into the topics, and lets retention work now and then.

    Args:
        store: whose keys are looked through for those that are over.
        sunk: how far the sink is.
    """

    def __init__(
        self,
        own_log: EmbeddedLog,
        store: EmbeddedStore,
        holds: Holds,
        sunk: SinkPosition,
        metrics: StreamMetrics,
    ) -> None:
        self._log, self._store, self._holds = own_log, store, holds
        self._sunk, self._metrics = sunk, metrics
        self._next: dict[TopicPartition, int] = {}
        self._seen: dict[Topic, int] = {}  # the version of a file when all of it had been read

    async def run(self, worker: StreamWorker, sink: OfflineSink) -> None:
        """Read until cancelled."""
        ends = {
            TopicPartition(topic.name, number): end
            for topic in SOURCES
            for number, end in self._log[topic].ends().items()
        }
        self._next = dict(await worker.assign(ends))
        self._next[FEATURES_PARTITION] = self._sunk.read()
        self._metrics.ready.set(1)
        tidied_s = time.monotonic()
        while True:
            if not self._look(worker, sink):
                await asyncio.sleep(LOOKS_EVERY_S)
            await asyncio.sleep(0)
            if time.monotonic() - tidied_s > TIDY_EVERY_S:
                tidied_s = time.monotonic()
                await asyncio.to_thread(self._tidy)

    def _tidy(self) -> None:
        self._log.tidy(time.time())
        self._store.tidy()

    def _look(self, worker: StreamWorker, sink: OfflineSink) -> bool:
        """Hand on what has come since the last look; whether anything had."""
        has_any = False
        for topic in (*SOURCES, FEATURES):
            file = self._log[topic]
            version, is_read_out = file.version(), True
            if version == self._seen.get(topic):
                continue
            for number, end in file.ends().items():
                source = TopicPartition(topic.name, number)
                if source in self._holds:
                    is_read_out = False
                elif self._next[source] < end:
                    has_any, is_read_out = True, False
                    self._hand_on(topic, source, end, worker, sink)
            if is_read_out:
                self._seen[topic] = version
        return has_any

    def _hand_on(
        self,
        topic: Topic,
        source: TopicPartition,
        end: int,
        worker: StreamWorker,
        sink: OfflineSink,
    ) -> None:
        most = FETCH_MESSAGES if topic in (FEATURES, TOUCHES) else FETCH_RECORDS
        records = self._log[topic].read(source.partition, self._next[source], most)
        # Where retention has taken the rest there is nothing more.
        after = records[-1].offset + 1 if records else end
        self._next[source] = after
        if not records:
            return
        found = [_record(source, each) for each in records]
        self._metrics.observe_lag(source, max(end - after, 0))
        if topic is FEATURES:
            sink.put(found, lambda: self._sunk.keep(after))
        else:
            worker.put(source, found, after < end, _nothing)


def _record(source: TopicPartition, record: LogRecord) -> SourceRecord:
    origin = origin_of(record.headers)
    stamp_s = record.time_ms / 1000.0 if origin is None else origin.timestamp_s
    return SourceRecord(source, record.offset, record.key, record.value, stamp_s, origin)


def _nothing() -> None:
    """The positions are those of the store."""
