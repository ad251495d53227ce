"""Messages of a batch into the embedded log."""

import asyncio
import logging
from collections.abc import Sequence

from millstream.clock import SystemClock
from millstream.embedded.log import EmbeddedLog, NewRecord
from millstream.errors import LogUnavailable
from millstream.topics import Topic
from stream.outputs.messages import OutputMessage

log = logging.getLogger(__name__)

RETRY_S = 0.5


class LogPublisher:
    """`MessagePublisher` into the embedded log: a topic's messages are one transaction."""

    def __init__(self, own_log: EmbeddedLog) -> None:
        self._log, self._clock = own_log, SystemClock()

    async def publish(self, messages: Sequence[OutputMessage]) -> None:
        """Return when all are on the disk; a disk that takes nothing is tried again."""
        by_topic: dict[Topic, list[NewRecord]] = {}
        now_s = self._clock.now()
        for message in messages:
            stamp_s = now_s if message.timestamp_s is None else message.timestamp_s
            by_topic.setdefault(message.topic, []).append(
                NewRecord(
                    message.key,
                    message.value,
                    round(stamp_s * 1000),
                    message.partition,
                    message.headers,
                )
            )
        for topic, records in by_topic.items():
            await self._append(topic, records)

    async def _append(self, topic: Topic, records: Sequence[NewRecord]) -> None:
        while True:
            try:
                self._log[topic].append(records)
                return
            except LogUnavailable as error:
                log.warning("The log takes no messages, trying again: %s", error)
                await asyncio.sleep(RETRY_S)
