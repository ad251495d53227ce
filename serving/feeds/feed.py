"""One topic, read from a point on and for ever, whatever happens to the broker."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from millstream.clock import SystemClock
from millstream.errors import LogUnavailable
from serving.limited_log import LimitedLog

_logger = logging.getLogger(__name__)

_RETRY_S = 1.0
_POLL_MS = 250
_MOST_RECORDS = 500
_METADATA_MS = 5_000  # how soon a topic that was created later is found

Handler = Callable[[Sequence[ConsumerRecord]], None]


class Feed:
    """Hands the records of a topic to a handler, in order, from the event loop.

    Args:
        servers: the brokers.
        topic: full name.
        handle: takes the records of one fetch; must be quick. What it raises is logged, and the
            feed goes on with the next records.
        since_s: begin with records of this time (Unix seconds); None begins at the beginning.
    """

    def __init__(
        self, servers: str, topic: str, handle: Handler, since_s: float | None = None
    ) -> None:
        self._servers = servers
        self._topic = topic
        self._handle = handle
        self._since_s = since_s
        self._positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}  # as they were at the first look
        self._consumer: AIOKafkaConsumer | None = None
        self._awaited: list[tuple[dict[TopicPartition, int], asyncio.Future[None]]] = []
        self._log = LimitedLog(_logger, SystemClock())
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled; a broker that is gone is waited for."""
        while True:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                self._log.warn_of("broker", f"Topic {self._topic} cannot be read: {error!r}")
            await asyncio.sleep(_RETRY_S)

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

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            self._topic,
            bootstrap_servers=self._servers,
            auto_offset_reset="earliest",
            metadata_max_age_ms=_METADATA_MS,
        )
        try:
            await consumer.start()
            await self._begin(consumer)
            self._consumer = consumer
            while True:
                await self._fetch(consumer)
                await self._look_whether_caught_up(consumer)
                await self._look_whom_to_tell(consumer)
        finally:
            self._consumer = None
            with contextlib.suppress(KafkaError):
                await consumer.stop()

    async def _begin(self, consumer: AIOKafkaConsumer) -> None:
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

    async def _fetch(self, consumer: AIOKafkaConsumer) -> None:
        fetched = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_MOST_RECORDS)
        for partition, records in fetched.items():
            try:
                self._handle(records)
            except Exception:  # a fault in handling some records must not end the feed
                _logger.exception("Records of topic %s were left out.", self._topic)
            self._positions[partition] = records[-1].offset + 1

    async def _look_whether_caught_up(self, consumer: AIOKafkaConsumer) -> None:
        if self.caught_up.is_set() or not (partitions := consumer.assignment()):
            return
        if not self._ends:
            self._ends = await consumer.end_offsets(list(partitions))
        if all([await consumer.position(p) >= end for p, end in self._ends.items()]):
            self.caught_up.set()

    async def _look_whom_to_tell(self, consumer: AIOKafkaConsumer) -> None:
        """All that was fetched has been handed on: tell those that wait for as much."""
        waiting, self._awaited = self._awaited, []
        for ends, until in waiting:
            if until.done():  # its time was up
                continue
            if all([await consumer.position(p) >= end for p, end in ends.items()]):
                until.set_result(None)
            else:
                self._awaited.append((ends, until))
