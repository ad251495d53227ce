"""One topic, read from a point on and for ever, whatever happens to the broker."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from millstream.clock import SystemClock
from millstream.errors import LogUnavailable
from serving.consumers.broker import Broker, RecordReader
from serving.consumers.reading import read_on
from serving.consumers.slices import Slices
from serving.limited_log import LimitedLog

_logger = logging.getLogger(__name__)

_POLL_MS = 250
_MOST_RECORDS = 500

Handler = Callable[[Sequence[ConsumerRecord]], Iterator[None] | None]


def _uncounted() -> None:
    """Default counter of left-out records: counts nothing."""


class TopicConsumer:
    """Hands the records of a topic to a handler, in order, from the event loop.

    A fetch is handed over in slices that take a few milliseconds each, and requests are worked on
    between them.

    Args:
        broker: opens readers of topics.
        topic: full name.
        handle: takes the records of one slice. Where it raises it gets them once more, one by one
            (a record that comes again must have no effect), and those that fail are left out,
            logged and counted. It may work in steps, between which requests are worked on.
        since_s: begin with records of this time (Unix seconds); None begins at the beginning.
        left_out: called for each record that is left out.
    """

    def __init__(
        self,
        broker: Broker,
        topic: str,
        handle: Handler,
        since_s: float | None = None,
        left_out: Callable[[], object] = _uncounted,
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._handle = handle
        self._since_s = since_s
        self._left_out = left_out
        self._slices = Slices()
        self._positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}  # as they were at the first look
        self._consumer: RecordReader | None = None
        self._awaited: list[tuple[dict[TopicPartition, int], asyncio.Future[None]]] = []
        self._log = LimitedLog(_logger, SystemClock())
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled; a broker that is gone is waited for."""
        await read_on(self._broker, self._topic, self._read, self._log)

    async def read_to_end(self, timeout_s: float = 2.0) -> None:
        """Wait until all that the topic holds now has been handed on.

        Raises:
            LogUnavailable: the broker does not answer.
            TimeoutError: it takes longer than `timeout_s`.
        """
        if self._consumer is None:
            raise LogUnavailable(f"Topic {self._topic} is not being read.")
        async with asyncio.timeout(timeout_s):
            try:
                ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
            except KafkaError as error:
                raise LogUnavailable(f"Topic {self._topic} cannot be read: {error!r}") from error
            if any(self._positions.get(p, 0) < end for p, end in ends.items()):
                until = asyncio.get_running_loop().create_future()
                self._awaited.append((ends, until))
                await until

    async def _read(self, consumer: RecordReader) -> None:
        try:
            await self._begin(consumer)
            self._consumer = consumer
            while True:
                await self._fetch(consumer)
                await self._look_whether_caught_up(consumer)
                await self._look_whom_to_tell(consumer)
        finally:
            self._consumer = None

    async def _begin(self, consumer: RecordReader) -> None:
        partitions = list(consumer.assignment())
        if self._since_s is not None and not self._positions and partitions:
            moment_ms = int(self._since_s * 1000)
            found = await consumer.offsets_for_times(dict.fromkeys(partitions, moment_ms))
            ends = await consumer.end_offsets(partitions)
            # Where nothing is as new as that, Kafka gives nothing, and Tansu the time -1.
            self._positions = {
                p: f.offset if f and f.timestamp >= 0 else ends[p] for p, f in found.items()
            }
        for partition, offset in self._positions.items():
            consumer.seek(partition, offset)

    async def _fetch(self, consumer: RecordReader) -> None:
        fetched = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_MOST_RECORDS)
        for partition, records in fetched.items():
            await self.take(records)
            self._positions[partition] = records[-1].offset + 1

    async def take(self, records: Sequence[ConsumerRecord]) -> None:
        """Hand over the records of one partition; requests have their turn between slices."""
        start = 0
        while start < len(records):
            part = records[start : start + self._slices.size]
            total_s, begun_s = 0.0, time.perf_counter()
            for _ in self._handed_over(part):
                took_s = time.perf_counter() - begun_s
                total_s += took_s
                # Before the worker is ready nobody waits; after that, half of the time is theirs.
                await asyncio.sleep(took_s if self.caught_up.is_set() else 0.0)
                begun_s = time.perf_counter()
            self._slices.took(len(part), total_s)
            start += len(part)

    def _handed_over(self, records: Sequence[ConsumerRecord]) -> Iterator[None]:
        """Hand over some records, step by step; there is one at the least."""
        try:
            yield from self._handle(records) or ()
            yield
        except Exception as error:  # what some records do must neither end the feed nor cost others
            if len(records) > 1:
                for record in records:
                    yield from self._handed_over([record])
                return
            self._left_out()
            self._log.warn_of("record", f"A record of topic {self._topic} was left out: {error!r}")
            yield

    async def _look_whether_caught_up(self, consumer: RecordReader) -> None:
        if self.caught_up.is_set() or not (partitions := consumer.assignment()):
            return
        if not self._ends:
            self._ends = await consumer.end_offsets(list(partitions))
        if all([await consumer.position(p) >= end for p, end in self._ends.items()]):
            self.caught_up.set()

    async def _look_whom_to_tell(self, consumer: RecordReader) -> None:
        """All that was fetched has been handed on: tell those that wait for as much."""
        waiting, self._awaited = self._awaited, []
        for ends, until in waiting:
            if until.done():  # its time was up
                continue
            if all([await consumer.position(p) >= end for p, end in ends.items()]):
                until.set_result(None)
            else:
                self._awaited.append((ends, until))
