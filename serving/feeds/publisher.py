"""Events into Kafka: awaited for those who publish, in the background for what was shown."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from millstream.clock import Clock
from millstream.codec import encode
from millstream.errors import LogUnavailable
from millstream.events import Event, Impression
from millstream.kafka import route
from millstream.kafka_security import client_options
from millstream.settings import Settings
from millstream.topics import Topic
from serving.limited_log import LimitedLog
from serving.metrics import Metrics

_RETRY_S = 1.0
_QUEUE = 10_000
_GATHER_S = 0.05  # the logs of so long go to Kafka together: a request to it costs more than a log


class Publisher:
    """A producer that is looked for until it is found, and a bounded queue before it.

    Args:
        timeout_s: how long `publish` waits for the broker.
    """

    def __init__(
        self, settings: Settings, metrics: Metrics, clock: Clock, timeout_s: float = 2.0
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._producer: AIOKafkaProducer | None = None
        self._queue: deque[Impression] = deque()
        self._queued = asyncio.Event()
        self._log = LimitedLog(logging.getLogger(__name__), clock)

    async def publish(self, events: Sequence[Event]) -> None:
        """Send the events; returns when the broker has them all.

        Raises:
            LogUnavailable: it does not; some of them may have arrived.
        """
        if self._producer is None:
            raise LogUnavailable("No Kafka broker answers.")
        try:
            async with asyncio.timeout(self._timeout_s):
                sent = [await self._send(event) for event in events]
                await asyncio.gather(*sent)
        except (KafkaError, TimeoutError) as error:
            raise LogUnavailable(f"Kafka did not take the events: {error!r}") from error

    def log(self, shown: Impression) -> None:
        """Queue the log of a list; where the queue is full it is dropped, and counted."""
        if len(self._queue) >= _QUEUE:
            self._metrics.impressions.labels("dropped").inc()
            return
        self._queue.append(shown)
        self._queued.set()

    async def tell(self, topic: Topic, key: bytes, value: bytes) -> None:
        """Send a message that a later one makes good for: without a broker it is given up."""
        if self._producer is None:
            return
        with contextlib.suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await self._producer.send(self._settings.topic(topic), value, key=key)

    async def run(self) -> None:
        """Connect, then send what is queued; until cancelled."""
        try:
            await self._connect()
            while True:
                await self._queued.wait()
                await asyncio.sleep(_GATHER_S)
                await self._send_queued()
        finally:
            await self._close()

    async def _connect(self) -> None:
        while self._producer is None:
            producer = AIOKafkaProducer(**client_options(self._settings), acks="all", linger_ms=5)
            try:
                await producer.start()
                self._producer = producer
            except (KafkaError, OSError) as error:
                self._log.warn_of("broker", f"No Kafka broker answers: {error!r}")
                with contextlib.suppress(KafkaError):
                    await producer.stop()
                await asyncio.sleep(_RETRY_S)

    async def _send_queued(self) -> None:
        self._queued.clear()
        while self._queue:
            await self._send_logged(self._queue.popleft())

    async def _send_logged(self, shown: Impression) -> None:
        try:
            future = await self._send(shown)
        except KafkaError as error:
            self._count(error)
            return
        future.add_done_callback(lambda done: self._count(done.exception()))

    def _count(self, error: BaseException | None) -> None:
        self._metrics.impressions.labels("failed" if error else "sent").inc()
        if error is not None:
            self._log.warn_of("impression", f"The log of a list was not delivered: {error!r}")

    async def _send(self, event: Event) -> asyncio.Future[object]:
        if self._producer is None:
            raise LogUnavailable("No Kafka broker answers.")
        topic, key = route(event)
        return await self._producer.send(self._settings.topic(topic), encode(event), key=key)

    async def _close(self) -> None:
        if self._producer is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await self._send_queued()
        with contextlib.suppress(KafkaError):
            await self._producer.stop()
        self._producer = None
