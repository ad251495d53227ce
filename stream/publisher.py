"""The shell that produces: in order, acknowledged, again and again until the broker takes it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from millstream.settings import Settings
from stream.messages import Message

log = logging.getLogger(__name__)

PAUSE_S = 0.5


class Publisher:
    """Messages through Faust's producer.

    Args:
        producer: of the Faust app, started.
        on_trouble: called at every failed attempt, for the metrics.
    """

    def __init__(
        self, producer: Any, settings: Settings, on_trouble: Callable[[], None] = lambda: None
    ) -> None:
        self._producer = producer
        self._settings = settings
        self._on_trouble = on_trouble

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return when all are acknowledged.

        What comes after a message that failed is sent again too, so that the order stays; consumers
        know rows that they have seen by their source positions.
        """
        left = list(messages)
        while left:
            outcomes = await asyncio.gather(*map(self._send, left), return_exceptions=True)
            failed = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Exception)]
            if not failed:
                return
            log.warning("Kafka takes no messages, trying again: %r", outcomes[failed[0]])
            self._on_trouble()
            left = left[failed[0] :]
            await asyncio.sleep(PAUSE_S)

    async def _send(self, message: Message) -> None:
        await self._producer.send_and_wait(
            topic=self._settings.topic(message.topic),
            key=message.key,
            value=message.value,
            partition=None,
            timestamp=None,
            headers=None,
        )
