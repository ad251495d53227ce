"""Events into Kafka: awaited for those who publish, in the background for what was shown."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import NamedTuple

from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from millstream.clock import Clock
from millstream.codec import encode
from millstream.errors import InvalidEvent, LogUnavailable, MillstreamError
from millstream.events import Event, Impression
from millstream.kafka import route
from millstream.settings import Settings
from millstream.topics import Topic
from serving.consumers.broker import Broker, RecordSender
from serving.limited_log import LimitedLog
from serving.metrics import Metrics

# The most one event may take as JSON: Kafka's own limit, with room for what is added on the way.
MAX_MESSAGE_BYTES = 900_000

_RETRY_S = 1.0
_QUEUE = 10_000
_QUEUE_BYTES = 64 * 1024 * 1024
_GATHER_S = 0.05  # the logs of so long go to Kafka together: a request to it costs more than a log
_EVENT_S = 0.001  # how much longer `publish` waits for each event of a batch


class ProducerRecord(NamedTuple):
    """An event as Kafka takes it."""

    topic: str
    key: bytes
    value: bytes


def _unnoticed(event: Event) -> None:
    """Default listener for accepted events: does nothing."""


class EventProducer:
    """A producer that is looked for until it is found, and a bounded queue before it.

    Args:
        broker: opens the sender.
        timeout_s: how long `publish` waits for the broker, and a little longer for each event.
        taken: called with each event that `publish` brought into Kafka.
    """

    def __init__(
        self,
        settings: Settings,
        broker: Broker,
        metrics: Metrics,
        clock: Clock,
        timeout_s: float = 2.0,
        taken: Callable[[Event], None] = _unnoticed,
    ) -> None:
        self._settings, self._broker = settings, broker
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._taken = taken
        self._producer: RecordSender | None = None
        self._queue: deque[ProducerRecord] = deque()
        self._queue_bytes = 0
        self._queued = asyncio.Event()
        self._log = LimitedLog(logging.getLogger(__name__), clock)

    async def publish(
        self, events: Sequence[Event], written: Sequence[bytes | None] = ()
    ) -> list[Exception | None]:
        """Send the events and wait until the broker has them, or a time has passed.

        Args:
            written: each event as JSON, where that is known.

        Returns:
            What became of each, in their order: None where the broker has it, `InvalidEvent` where
            no broker will ever take it (it cannot be written as JSON, or is too large), and
            `LogUnavailable` where it did not answer: such an event may have arrived.
        """
        outcomes: dict[int, Exception | None] = {}
        sent: dict[int, asyncio.Future[object]] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s + _EVENT_S * len(events)):
                for place, (event, value) in enumerate(zip_longest(events, written)):
                    try:
                        sent[place] = await self._send(self._message(event, value))
                    except (MillstreamError, KafkaError) as error:
                        outcomes[place] = _outcome(error)
                for future in sent.values():
                    if not future.done():  # few: those of one request to Kafka end together
                        await asyncio.wait([future])
        for place, future in sent.items():
            if future.done():
                outcomes[place] = _outcome(_error(future))
            else:
                future.add_done_callback(_error)  # it may end later, and nobody asks
        found = [outcomes[n] if n in outcomes else _late() for n in range(len(events))]
        for event, outcome in zip(events, found, strict=True):
            if outcome is None:
                self._taken(event)
        return found

    def log(self, shown: Impression) -> None:
        """Queue the log of a list; where that cannot be done it is dropped, and counted."""
        try:
            message = self._message(shown)
        except MillstreamError as error:
            self._count(error)
            return
        size = len(message.value)
        if len(self._queue) >= _QUEUE or self._queue_bytes + size > _QUEUE_BYTES:
            self._metrics.impressions.labels("dropped").inc()
            return
        self._queue.append(message)
        self._queue_bytes += size
        self._queued.set()

    async def remove(self, topic: Topic, key: str, time_ms: int) -> Exception | None:
        """Take a key out of a compacted topic as of `time_ms`; outcomes are those of `publish`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._producer is None:
                    raise LogUnavailable("No Kafka broker answers.")
                name = self._settings.topic(topic)
                sent = await self._producer.send(name, key=key.encode(), timestamp_ms=time_ms)
                await asyncio.shield(sent)
        except (MillstreamError, KafkaError) as error:
            return _outcome(error)
        except TimeoutError:
            return _late()
        return None

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
            producer = self._broker.sender()
            try:
                await producer.start()
                self._producer = producer
            except (KafkaError, OSError, LogUnavailable) as error:
                self._log.warn_of("broker", f"No Kafka broker answers: {error!r}")
                with contextlib.suppress(KafkaError):
                    await producer.stop()
                await asyncio.sleep(_RETRY_S)

    async def _send_queued(self) -> None:
        self._queued.clear()
        while self._queue:
            message = self._queue.popleft()
            self._queue_bytes -= len(message.value)
            try:
                future = await self._send(message)
            except Exception as error:  # one list must not end the logs of all others
                self._count(error)
            else:
                future.add_done_callback(lambda done: self._count(_error(done)))

    def _count(self, error: BaseException | None) -> None:
        self._metrics.impressions.labels("failed" if error else "sent").inc()
        if error is not None:
            self._log.warn_of("impression", f"The log of a list was not delivered: {error!r}")

    def _message(self, event: Event, written: bytes | None = None) -> ProducerRecord:
        """The event, of which `written` is the JSON where that is known, as Kafka takes it.

        Raises:
            InvalidEvent: it cannot be written, or is too large.
        """
        try:
            topic, key = route(event)
            value = encode(event) if written is None else written
        except Exception as error:  # half a character, a value that JSON does not have
            raise InvalidEvent(
                f"Expected an event that JSON can hold. Received: {error}"
            ) from error
        if len(value) > MAX_MESSAGE_BYTES:
            raise too_large(len(value))
        return ProducerRecord(self._settings.topic(topic), key, value)

    async def _send(self, message: ProducerRecord) -> asyncio.Future[object]:
        if self._producer is None:
            raise LogUnavailable("No Kafka broker answers.")
        sent: asyncio.Future[object] = await self._producer.send(
            message.topic, message.value, key=message.key
        )
        return sent

    async def _close(self) -> None:
        if self._producer is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await self._send_queued()
        with contextlib.suppress(KafkaError):
            await self._producer.stop()
        self._producer = None


def too_large(size: int) -> InvalidEvent:
    """Why an event of `size` bytes is not taken."""
    return InvalidEvent(
        f"Expected an event of at most {MAX_MESSAGE_BYTES} bytes as JSON. Received: {size} bytes"
    )


def _late() -> LogUnavailable:
    return LogUnavailable("Kafka did not take the event in time.")


def _error(sent: asyncio.Future[object]) -> BaseException | None:
    return asyncio.CancelledError() if sent.cancelled() else sent.exception()


def _outcome(error: BaseException | None) -> Exception | None:
    """Outcome of an event whose delivery ended with `error`."""
    if error is None or isinstance(error, MillstreamError):
        return error
    if isinstance(error, MessageSizeTooLargeError):
        return InvalidEvent(f"Expected an event that Kafka takes. Received: {error!r}")
    return LogUnavailable(f"Kafka did not take the event: {error!r}")
