"""The log in memory: topics with partitions and offsets, for one producer and one consumer each."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from kafka.partitioner.default import murmur2

from millstream.codec import encode
from millstream.events import Event
from millstream.kafka import route
from millstream.topics import Topic
from stream.ingest.records import SourceRecord, TopicPartition
from stream.outputs.messages import OutputMessage


class Delivered(NamedTuple):
    """A message as a consumer gets it; the names are those of `aiokafka.ConsumerRecord`."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class SimulatedBroker:
    """`stream.worker.MessagePublisher`: what is published waits until it is taken."""

    def __init__(self) -> None:
        self._offsets: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._waiting: defaultdict[str, list[Delivered]] = defaultdict(list)

    async def publish(self, messages: Sequence[OutputMessage]) -> None:
        """Keep the messages in their order."""
        for message in messages:
            self._append(message.topic, 0, 0.0, message.key, message.value)

    def send(self, event: Event) -> None:
        """An event to its topic and partition, as Kafka's own partitioner chooses it."""
        topic, key = route(event)
        partition = partition_of(key, topic.partitions)
        self._append(topic, partition, event.event_time, key, encode(event))

    def take(self, topic: Topic) -> list[Delivered]:
        """Take the messages that wait in a topic, in the order in which they came."""
        return self._waiting.pop(topic.name, [])

    def _append(
        self, topic: Topic, partition: int, time_s: float, key: bytes | None, value: bytes | None
    ) -> None:
        place = (topic.name, partition)
        offset = self._offsets[place]
        self._offsets[place] = offset + 1
        self._waiting[topic.name].append(
            Delivered(topic.name, partition, offset, round(time_s * 1000), key, value)
        )


def partition_of(key: bytes, partitions: int) -> int:
    """Partition of a key by Kafka's default partitioner."""
    return int((murmur2(key) & 0x7FFF_FFFF) % partitions)


def record_of(message: Delivered) -> SourceRecord:
    """A message as the stream takes it."""
    source = TopicPartition(message.topic, message.partition)
    return SourceRecord(
        source, message.offset, message.key, message.value, message.timestamp / 1000.0
    )
