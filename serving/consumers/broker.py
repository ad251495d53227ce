"""The log as serving uses it: a sender of records, and readers of topics.

The shapes are those of aiokafka's clients, which carry them out on Kafka; the embedded log of a
small installation has its own (`serving/embedded.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

_METADATA_MS = 5_000  # how soon a topic that was created later is found


class RecordSender(Protocol):
    """Sender of records."""

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaError, OSError, LogUnavailable: the log is not there.
        """
        ...

    async def stop(self) -> None:
        """Send what is under way, and let go."""
        ...

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        *,
        timestamp_ms: int | None = None,
    ) -> Any:
        """Take a record; a future that is done when the log has it for good.

        Args:
            topic: full name.
            timestamp_ms: Unix milliseconds; None is now.
        """
        ...


class RecordReader(Protocol):
    """Reader of all partitions of one topic; where it stands is its own."""

    async def start(self) -> None:
        """Connect; see `RecordSender.start`."""
        ...

    async def stop(self) -> None:
        """Let go."""
        ...

    def assignment(self) -> set[TopicPartition]:
        """The partitions; none as long as the topic is not there."""
        ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go on at `offset`."""
        ...

    async def position(self, partition: TopicPartition) -> int:
        """The offset of the next record."""
        ...

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """One past the last offset of each."""
        ...

    async def offsets_for_times(
        self, times_ms: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, Any]:
        """Offset and time of the first record of then or later; None where there is none."""
        ...

    async def getmany(
        self, *, timeout_ms: int = 0, max_records: int | None = None
    ) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
        """The next records; none if none came in that time."""
        ...


class Broker(Protocol):
    """Opener of both."""

    def sender(self) -> RecordSender:
        """A new sender, not started."""
        ...

    def reader(self, topic: str) -> RecordReader:
        """A new reader of the topic of that full name, at its beginning, not started."""
        ...


class KafkaBroker:
    """`Broker` on Kafka.

    Args:
        brokers: options of the clients that say where they are and how they are spoken to.
    """

    def __init__(self, brokers: Mapping[str, Any]) -> None:
        self._brokers = brokers

    def sender(self) -> RecordSender:
        """See `Broker.sender`."""
        sender: RecordSender = AIOKafkaProducer(**self._brokers, acks="all", linger_ms=5)
        return sender

    def reader(self, topic: str) -> RecordReader:
        """See `Broker.reader`."""
        reader: RecordReader = AIOKafkaConsumer(
            topic,
            **self._brokers,
            auto_offset_reset="earliest",
            metadata_max_age_ms=_METADATA_MS,
        )
        return reader
