"""Events into Kafka, at a rate, with every delivery accounted for."""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from kafka import KafkaProducer
from kafka.errors import KafkaError

from millstream.codec import encode
from millstream.errors import LogUnavailable
from millstream.events import Event
from millstream.kafka import route
from millstream.settings import Settings

T = TypeVar("T")


class EventPublisher:
    """Sends events to the topics they belong to.

    Args:
        producer: of `millstream.kafka`.
        settings: for the topics' names.
    """

    def __init__(self, producer: KafkaProducer, settings: Settings) -> None:
        self._producer = producer
        self._settings = settings
        self._failed: BaseException | None = None

    def send(self, event: Event) -> None:
        """Hand one event to the producer; it is delivered by the next `flush` at the latest.

        Raises:
            LogUnavailable: an earlier event could not be delivered.
        """
        topic, key = route(event)
        self._raise_failure()
        try:
            future = self._producer.send(self._settings.topic(topic), encode(event), key=key)
        except KafkaError as error:
            raise LogUnavailable(f"Event {event.event_id!r} not sent: {error}") from error
        future.add_errback(self._remember)

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until all that was sent is in Kafka.

        Raises:
            LogUnavailable: something was not delivered in `timeout_s`.
        """
        try:
            self._producer.flush(timeout=timeout_s)
        except KafkaError as error:
            raise LogUnavailable(f"Events not delivered in {timeout_s:g} s: {error}") from error
        self._raise_failure()

    def _remember(self, error: BaseException) -> None:
        self._failed = self._failed or error

    def _raise_failure(self) -> None:
        if self._failed is not None:
            raise LogUnavailable(f"An event was not delivered: {self._failed}") from self._failed


def paced(
    items: Iterable[T],
    per_second: float | None,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterable[T]:
    """`items`, not faster than `per_second` on the average; None is as fast as it goes."""
    start_s = now()
    for count, item in enumerate(items):
        ahead_s = start_s + count / per_second - now() if per_second else 0.0
        if ahead_s > 0.002:  # shorter sleeps cost more than they wait
            sleep(ahead_s)
        yield item
