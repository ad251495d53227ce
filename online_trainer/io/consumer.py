"""The trainer's log on Kafka: one partition, read from a position of its own."""

import logging
import time
from collections.abc import Iterator
from contextlib import suppress

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from millstream import kafka
from millstream.errors import InvalidEvent, LogUnavailable
from millstream.log_identity import TopicLog, logs_of
from millstream.settings import Settings
from millstream.snapshots import Announcement
from millstream.topics import EXAMPLES, SNAPSHOTS, Topic
from online_trainer.io.log import ConsumedMessage, Examples, MessageSender

log = logging.getLogger(__name__)

_MOST_MESSAGES = 64
_LAST_ANNOUNCEMENTS = 100
_ANNOUNCED_WITHIN_S = 10.0
# A higher one comes from nobody's trainer, and would use up the numbers.
_MOST_BELIEVED = 10**9
_TIMEOUT_S = 10.0


class ExamplesConsumer:
    """Reads `examples` from `offset` on; the broker keeps no position for it.

    Args:
        settings: where the broker is.
        offset: of the first message. Where the broker no longer has it, the oldest it has.

    Raises:
        LogUnavailable: no broker answers.
    """

    def __init__(self, settings: Settings, offset: int) -> None:
        self._partition = TopicPartition(settings.topic(EXAMPLES), 0)
        self._announced = TopicPartition(settings.topic(SNAPSHOTS), 0)
        self._next = offset
        self._consumer = kafka.consumer(settings, group_id=None, max_partition_fetch_bytes=8 << 20)
        self._consumer.assign([self._partition])
        self._consumer.seek(self._partition, offset)
        self._end = self._end_at_start()

    def poll(self, wait_s: float) -> Iterator[ConsumedMessage]:
        """The next messages, in order; none if none came within `wait_s` seconds."""
        found = self._consumer.poll(timeout_ms=int(wait_s * 1000), max_records=_MOST_MESSAGES)
        for record in found.get(self._partition, ()):
            if record.offset != self._next:
                log.warning("Expected message %d. Received: %d.", self._next, record.offset)
            self._next = record.offset + 1
            yield ConsumedMessage(record.offset, record.value or b"")

    def announced(self) -> int:
        """The highest version among the newest announcements; 0 if there is none.

        To be called before the first `poll`.

        Raises:
            LogUnavailable: the broker went away.
        """
        try:
            self._consumer.assign([self._announced])
            return max(self._versions(), default=0)
        except KafkaError as error:
            raise LogUnavailable(f"Announcements cannot be read: {error}") from error
        finally:
            self._consumer.assign([self._partition])
            self._consumer.seek(self._partition, self._next)

    def _end_at_start(self) -> int:
        try:
            return int(self._consumer.end_offsets([self._partition])[self._partition])
        except KafkaError as error:
            self._consumer.close()
            raise LogUnavailable(f"Examples cannot be read: {error}") from error

    def _versions(self) -> Iterator[int]:
        end = self._consumer.end_offsets([self._announced])[self._announced]
        begin = self._consumer.beginning_offsets([self._announced])[self._announced]
        self._consumer.seek(self._announced, max(begin, end - _LAST_ANNOUNCEMENTS))
        deadline = time.monotonic() + _ANNOUNCED_WITHIN_S
        while self._consumer.position(self._announced) < end and time.monotonic() < deadline:
            found = self._consumer.poll(timeout_ms=200)
            for record in found.get(self._announced, ()):
                with suppress(InvalidEvent):
                    version = Announcement.decode(record.value or b"").version
                    if version <= _MOST_BELIEVED:
                        yield version

    @property
    def lag(self) -> int:
        """Messages on the broker that were not polled yet, as far as is known."""
        end = self._consumer.highwater(self._partition)  # None before the first fetch
        return max((self._end if end is None else int(end)) - self._next, 0)

    def close(self) -> None:
        """Let the connection go."""
        self._consumer.close()


class KafkaSender:
    """`MessageSender` on Kafka; it connects when the first message is sent."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None

    def send(self, topic: Topic, key: bytes, value: bytes) -> None:
        """See `MessageSender.send`."""
        if self._producer is None:
            self._producer = kafka.producer(self._settings)
        sent = self._producer.send(self._settings.topic(topic), value, key=key)
        sent.get(timeout=_TIMEOUT_S)

    def close(self) -> None:
        """See `MessageSender.close`."""
        if self._producer is not None:
            with suppress(KafkaError):  # the broker is away: what waits has been logged
                self._producer.close(timeout=_TIMEOUT_S)


class KafkaLog:
    """`TrainerLog` on Kafka."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def prepare(self) -> TopicLog:
        """See `TrainerLog.prepare`."""
        kafka.create_topics(self._settings)
        return logs_of(self._settings, [EXAMPLES])[EXAMPLES]

    def examples(self, offset: int) -> Examples:
        """See `TrainerLog.examples`."""
        return ExamplesConsumer(self._settings, offset)

    def sender(self) -> MessageSender:
        """See `TrainerLog.sender`."""
        return KafkaSender(self._settings)
