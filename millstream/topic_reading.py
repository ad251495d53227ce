"""Messages of a topic from its beginning to its present end, and a single one by its place."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from millstream import kafka
from millstream.errors import LogUnavailable
from millstream.partitioning import Origin, origin_of
from millstream.settings import Settings
from millstream.topics import Topic

POLL_MS = 200
# How long a broker may say nothing although the end of the topic is not reached.
SILENCE_S = 10.0


@dataclass(frozen=True)
class TopicRecord:
    """One message.

    Args:
        timestamp_s: Unix seconds.
        origin: where the message lay before it was moved to the partition of its key.
    """

    partition: int
    offset: int
    timestamp_s: float
    key: bytes | None
    value: bytes | None
    origin: Origin | None = None


def messages(
    settings: Settings,
    topic: Topic,
    since_s: float | None = None,
    partition: int | None = None,
    since_offset: int | None = None,
    until_offset: int | None = None,
) -> Iterator[TopicRecord]:
    """Messages that a topic holds now; each partition in its order.

    Args:
        since_s: Unix seconds; older messages are left out by the broker.
        partition: the only one that is read; None reads all.
        since_offset, until_offset: the first offset, and the one before which reading ends.

    Raises:
        LogUnavailable: no broker answers, or there is no such topic.
    """
    consumer = kafka.consumer(settings, group_id=None)
    try:
        every = _partitions(consumer, settings.topic(topic))
        chosen = [each for each in every if partition in (None, each.partition)]
        yield from _to_the_end(consumer, chosen, since_s, since_offset, until_offset)
    except KafkaError as error:
        raise LogUnavailable(f"Topic {settings.topic(topic)} not read: {error!r}") from error
    finally:
        consumer.close()


def partitions_of(settings: Settings, topic: Topic) -> list[int]:
    """The numbers of a topic's partitions.

    Raises:
        LogUnavailable: no broker answers, or there is no such topic.
    """
    consumer = kafka.consumer(settings, group_id=None)
    try:
        return [each.partition for each in _partitions(consumer, settings.topic(topic))]
    finally:
        consumer.close()


def message_at(settings: Settings, topic: Topic, partition: int, offset: int) -> TopicRecord | None:
    """The message at one place; None where retention or compaction has removed it.

    Raises:
        LogUnavailable: no broker answers.
    """
    consumer = kafka.consumer(settings, group_id=None)
    place = TopicPartition(settings.topic(topic), partition)
    try:
        consumer.assign([place])
        begin, end = (
            consumer.beginning_offsets([place])[place],
            consumer.end_offsets([place])[place],
        )
        if not begin <= offset < end:
            return None
        consumer.seek(place, offset)
        found = next(iter(_polled(consumer, {place: offset + 1})), None)
        return found if found is not None and found.offset == offset else None
    except KafkaError as error:
        raise LogUnavailable(f"Topic {place.topic} not read: {error!r}") from error
    finally:
        consumer.close()


def _partitions(consumer: KafkaConsumer, name: str) -> list[TopicPartition]:
    numbers = consumer.partitions_for_topic(name)
    if not numbers:
        raise LogUnavailable(f"Topic {name} is not there: `millstream topics create` makes it.")
    return [TopicPartition(name, number) for number in sorted(numbers)]


def _to_the_end(
    consumer: KafkaConsumer,
    partitions: list[TopicPartition],
    since_s: float | None,
    since_offset: int | None = None,
    until_offset: int | None = None,
) -> Iterator[TopicRecord]:
    consumer.assign(partitions)
    ends, begins = consumer.end_offsets(partitions), consumer.beginning_offsets(partitions)
    if since_s is not None:
        found = consumer.offsets_for_times(dict.fromkeys(partitions, int(since_s * 1000)))
        begins = {each: found[each].offset if found[each] else ends[each] for each in partitions}
    if since_offset is not None:
        begins = {each: max(begin, since_offset) for each, begin in begins.items()}
    if until_offset is not None:
        ends = dict.fromkeys(partitions, until_offset)  # some brokers' ends lag behind
    for each in partitions:
        consumer.seek(each, begins[each])
    yield from _polled(consumer, {p: ends[p] for p in partitions if begins[p] < ends[p]})


def _polled(consumer: KafkaConsumer, ends: dict[TopicPartition, int]) -> Iterator[TopicRecord]:
    """Records until every position has reached its end, which control records count in."""
    heard_at = time.monotonic()
    while any(consumer.position(place) < end for place, end in ends.items()):
        batches = consumer.poll(timeout_ms=POLL_MS)
        if not batches and time.monotonic() - heard_at > SILENCE_S:
            return
        for place, batch in batches.items():
            for record in batch:
                if record.offset < ends.get(place, 0):
                    yield TopicRecord(
                        place.partition,
                        record.offset,
                        record.timestamp / 1000,
                        record.key,
                        record.value,
                        origin_of(record.headers),
                    )
        if batches:  # whoever reads may have let it wait
            heard_at = time.monotonic()
