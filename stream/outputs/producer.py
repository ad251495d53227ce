"""The shell that produces: in order, acknowledged, again and again until the broker takes it.

A message that the broker will never take is not tried again: it is dropped, counted, and a dead
letter says so. Everything else is trouble that passes.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka.errors import (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
)

from millstream.clock import Clock, SystemClock
from millstream.dead_letters import DeadLetter
from millstream.settings import Settings
from millstream.topics import DEAD_LETTERS, EXAMPLES, TOUCHES, Topic
from stream.outputs.messages import OutputMessage

log = logging.getLogger(__name__)

PAUSE_S = 0.5
# Who reads these drops rows at or below the positions seen: after a message that failed none may go
# out before it has.
IN_ORDER = frozenset({TOUCHES, EXAMPLES})
# What is wrong with the message itself. `retriable` of the library's errors does not tell: missing
# rights and time-outs are not "retriable" there, but pass.
PERMANENT = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
    TypeError,
    ValueError,
)


class MessageProducer:
    """Messages through Faust's producer.

    Args:
        producer: of the Faust app, started.
        on_trouble: called at every failed attempt, for the metrics.
        on_dropped: called with the topic of every message that is dropped.
    """

    def __init__(
        self,
        producer: Any,
        settings: Settings,
        on_trouble: Callable[[], None] = lambda: None,
        on_dropped: Callable[[Topic], None] = lambda topic: None,
        clock: Clock | None = None,
    ) -> None:
        self._producer = producer
        self._settings = settings
        self._on_trouble = on_trouble
        self._on_dropped = on_dropped
        self._clock = clock or SystemClock()

    async def publish(self, messages: Sequence[OutputMessage]) -> None:
        """Return when all are acknowledged.

        What comes after a message that failed is sent again too; consumers know rows that they have
        seen by their source positions.
        """
        left = list(messages)
        while left:
            errors = await self._sent(left)
            failed = [n for n, error in enumerate(errors) if error and not is_permanent(error)]
            done = failed[0] if failed else len(left)
            letters = [
                self._dropped(message, error)
                for message, error in zip(left[:done], errors[:done], strict=True)
                if error is not None
            ]
            left = [*left[done:], *(letter for letter in letters if letter is not None)]
            if failed:
                log.warning("Kafka takes no messages, trying again: %r", errors[done])
                self._on_trouble()
                await asyncio.sleep(PAUSE_S)

    async def _sent(self, messages: Sequence[OutputMessage]) -> list[Exception | None]:
        """Send, all at once but for what must stay in order; the error of each, if any."""
        errors: list[Exception | None] = [None] * len(messages)
        rows: dict[Topic | int, list[int]] = {}
        for place, message in enumerate(messages):
            rows.setdefault(message.topic if message.topic in IN_ORDER else place, []).append(place)

        async def send_in_order(places: Sequence[int]) -> None:
            for n, place in enumerate(places):
                try:
                    await self._send(messages[place])
                except Exception as error:
                    if is_permanent(error):
                        errors[place] = error
                        continue
                    for later in places[n:]:
                        errors[later] = error
                    return

        await asyncio.gather(*map(send_in_order, rows.values()))
        return errors

    def _dropped(self, message: OutputMessage, error: Exception) -> OutputMessage | None:
        """The dead letter for a message that cannot be sent; None for what is one itself."""
        log.error("Kafka refuses a message of topic %s: %r", message.topic.name, error)
        self._on_dropped(message.topic)
        if message.topic == DEAD_LETTERS:
            return None
        letter = DeadLetter(
            reason=f"Expected a message that Kafka takes. Received: {error!r}",
            path="$",
            topic=message.topic.name,
            partition=-1,
            offset=-1,
            key=message.key,
            original=message.value,
            failed_at=self._clock.now(),
        )
        return OutputMessage(DEAD_LETTERS, message.topic.name.encode(), letter.encode())

    async def _send(self, message: OutputMessage) -> None:
        await self._producer.send_and_wait(
            topic=self._settings.topic(message.topic),
            key=message.key,
            value=message.value,
            partition=message.partition,
            timestamp=message.timestamp_s,
            headers=list(message.headers) or None,
        )


def is_permanent(error: BaseException) -> bool:
    """Return whether sending the same message again can only fail again."""
    return isinstance(error, PERMANENT) or isinstance(error.__cause__, PERMANENT)
