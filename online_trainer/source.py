"""The trainer's input: one partition, read from a position of its own."""

import logging
from collections.abc import Iterator
from typing import NamedTuple

from kafka import TopicPartition

from millstream import kafka
from millstream.settings import Settings
from millstream.topics import EXAMPLES

log = logging.getLogger(__name__)

_MOST_MESSAGES = 64


class Message(NamedTuple):
    """One message of the topic."""

    offset: int
    value: bytes


class Source:
    """Reads `examples` from `offset` on; the broker keeps no position for it.

    Args:
        settings: where the broker is.
        offset: of the first message. Where the broker no longer has it, the oldest it has.

    Raises:
        LogUnavailable: no broker answers.
    """

    def __init__(self, settings: Settings, offset: int) -> None:
        self._partition = TopicPartition(settings.topic(EXAMPLES), 0)
        self._next = offset
        self._consumer = kafka.consumer(settings, group_id=None, max_partition_fetch_bytes=8 << 20)
        self._consumer.assign([self._partition])
        self._consumer.seek(self._partition, offset)

    def poll(self, wait_s: float) -> Iterator[Message]:
        """The next messages, in order; none if none came within `wait_s` seconds."""
        found = self._consumer.poll(timeout_ms=int(wait_s * 1000), max_records=_MOST_MESSAGES)
        for record in found.get(self._partition, ()):
            if record.offset != self._next:
                log.warning("Expected message %d. Received: %d.", self._next, record.offset)
            self._next = record.offset + 1
            yield Message(record.offset, record.value)

    @property
    def lag(self) -> int:
        """Messages on the broker that were not polled yet, as far as is known."""
        end = self._consumer.highwater(self._partition)
        return 0 if end is None else max(int(end) - self._next, 0)

    def close(self) -> None:
        """Let the connection go."""
        self._consumer.close()
