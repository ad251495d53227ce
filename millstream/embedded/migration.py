"""The embedded log and store, copied to Kafka and Redis, and compared with what is there then.

A record keeps its partition, its order, its key and its value; its offset becomes its place among
those that were copied. A key keeps its name, its bytes and its time to live. Copying a log that was
copied in part goes on where that ended.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any

from redis import Redis

from millstream import kafka, topic_reading
from millstream.embedded.log import EmbeddedLog, TopicFile
from millstream.embedded.store import EmbeddedStore
from millstream.embedded.transaction import TABLES
from millstream.errors import ConfigurationError
from millstream.log_identity import TopicLog
from millstream.settings import Settings
from millstream.topics import SERVING, TOPICS, Topic

# What serving workers tell each other every second is of no use to anybody later.
MOVED = tuple(topic for topic in TOPICS if topic is not SERVING)
_AT_ONCE = 1_000

Place = tuple[str, int]  # topic and partition


@dataclass(frozen=True)
class Compared:
    """A part of the installation in both places.

    Args:
        name: of a topic, or of a kind of key.
        here, there: how many records, or keys.
        differing: how many of them are not the same in both.
    """

    name: str
    here: int
    there: int
    differing: int

    @property
    def is_equal(self) -> bool:
        """True if nothing is missing, too much or another."""
        return self.here == self.there and not self.differing


def copy_topic(settings: Settings, file: TopicFile, there: TopicLog) -> int:
    """Copy the records that Kafka does not have yet; how many.

    Args:
        there: the topic on Kafka, with the beginning of what is here, or empty.

    Raises:
        ConfigurationError: it has another number of partitions, or more records.
        LogUnavailable: no broker answers.
    """
    topic = file.topic
    if len(there.ends) != topic.partitions:
        raise ConfigurationError(
            f"Topic {settings.topic(topic)} must have {topic.partitions} partitions, as here."
            f" Received: {len(there.ends)}."
        )
    producer = kafka.producer(settings, enable_idempotence=True)
    copied = 0
    try:
        for number in range(topic.partitions):
            has = there.ends[number] - there.begins[number]
            for record in islice(file.whole(number), has, None):
                producer.send(
                    settings.topic(topic),
                    record.value,
                    key=record.key,
                    partition=number,
                    timestamp_ms=record.time_ms,
                    headers=list(record.headers),
                )
                copied += 1
        producer.flush()
    finally:
        producer.close()
    return copied


def compared_topic(settings: Settings, file: TopicFile) -> Compared:
    """A topic here and on Kafka, record by record."""
    here = there = differing = 0
    for number in range(file.topic.partitions):
        kept = topic_reading.messages(settings, file.topic, partition=number)
        for own, other in zip_longest(file.whole(number), kept):
            here += own is not None
            there += other is not None
            if own is not None and other is not None:
                differing += (own.key, own.value) != (other.key, other.value)
    return Compared(settings.topic(file.topic), here, there, differing)


def positions_there(
    log: EmbeddedLog,
    positions: Iterable[tuple[tuple[str, int], int]],
    there: Mapping[Topic, TopicLog],
) -> dict[tuple[str, int], int]:
    """Positions in the topics here as positions in the copied ones.

    Args:
        positions: topic and partition, and the next offset to read.
        there: the topics on Kafka.
    """
    topics = {topic.name: topic for topic in MOVED}
    return {
        (name, number): there[topics[name]].begins[number]
        + log[topics[name]].count_before(number, offset)
        for (name, number), offset in positions
    }


class StoreCopy:
    """The keys of the embedded store in Redis, but for those left out.

    Args:
        redis: must not decode responses.
        left_out: names of keys.
    """

    def __init__(self, store: EmbeddedStore, redis: Redis, left_out: Iterable[str]) -> None:
        self._store, self._redis = store, redis
        self._left_out = {name.encode() for name in left_out}

    def copy(self) -> int:
        """Write every key; how many. What Redis has under their names is replaced."""
        copied = 0
        for table in TABLES:
            for some in self._keys(table):
                values = self._store.read([_read(table, key) for key, _ in some])
                with self._redis.pipeline(transaction=False) as pipe:
                    for (key, until), value in zip(some, values, strict=True):
                        pipe.delete(key)
                        pipe.execute_command(_WRITES[table], key, *_arguments(value))
                        if until is not None:
                            pipe.pexpireat(key, round(until * 1000))
                    pipe.execute()
                copied += len(some)
        return copied

    def compared(self) -> list[Compared]:
        """The keys here and there, by kind."""
        return [self._compared(table) for table in TABLES]

    def _compared(self, table: str) -> Compared:
        here = there = differing = 0
        for some in self._keys(table):
            commands = [_read(table, key) for key, _ in some]
            with self._redis.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                replies = pipe.execute(raise_on_error=False)
            for own, other in zip(self._store.read(commands), replies, strict=True):
                here += 1
                there += bool(other) or other == b""
                differing += _comparable(table, own) != _comparable(table, other)
        return Compared(f"keys: {table}", here, there, differing)

    def _keys(self, table: str) -> Iterator[list[tuple[bytes, float | None]]]:
        after = b""
        while some := self._store.keys(table, after, _AT_ONCE):
            after = some[-1][0]
            yield [entry for entry in some if entry[0] not in self._left_out]


# How a value is read, from both, and written.
_READS: Mapping[str, tuple[Any, ...]] = {
    "strings": ("GET",),
    "appended": ("GET",),
    "hashes": ("HGETALL",),
    "fields": ("HGETALL",),
    "lists": ("LRANGE", 0, -1),
    "members": ("SMEMBERS",),
}
_WRITES = {
    "strings": "SET",
    "appended": "SET",
    "hashes": "HSET",
    "fields": "HSET",
    "lists": "RPUSH",
    "members": "SADD",
}


def _read(table: str, key: bytes) -> tuple[Any, ...]:
    name, *rest = _READS[table]
    return (name, key, *rest)


def _arguments(value: Any) -> Iterable[bytes]:
    return (value,) if isinstance(value, bytes) else value


def _comparable(table: str, reply: Any) -> Any:
    """A reply of either, where the order of hashes and sets says nothing."""
    if table == "members" and isinstance(reply, list):
        return set(reply)
    if table in ("hashes", "fields") and isinstance(reply, list):
        return dict(zip(reply[::2], reply[1::2], strict=True))
    return reply
