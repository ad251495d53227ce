"""Reading and writing whole topics in tests."""

import time
from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition


def publish(kafka: str, topic: str, messages: Iterable[tuple[bytes | None, bytes]]) -> int:
    """Send (key, value) pairs and wait until the broker has them; how many."""
    producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=5)
    try:
        sent = [producer.send(topic, key=key, value=value) for key, value in messages]
        producer.flush()
        for each in sent:
            each.get(timeout=30)
        return len(sent)
    finally:
        producer.close()


def read(
    kafka: str, topic: str, count: int, timeout_s: float = 30.0, quiet_s: float = 0.0
) -> list[Any]:
    """The first `count` messages of a topic, and what else comes within `quiet_s` after them.

    Messages of one partition are in order. They are counted as they are read, because an end offset
    cannot be trusted on every broker (see `deploy.local.tansu`).

    Raises:
        AssertionError: fewer came within `timeout_s`.
    """
    consumer = KafkaConsumer(
        bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False
    )
    try:
        consumer.assign([TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)])
        messages: list[Any] = []
        deadline = time.monotonic() + timeout_s
        while len(messages) < count and time.monotonic() < deadline:
            messages += _poll(consumer, 0.1)
        assert len(messages) >= count, f"{len(messages)} of {count} messages in {topic}"
        deadline = time.monotonic() + quiet_s
        while time.monotonic() < deadline:
            messages += _poll(consumer, 0.05)
        return messages
    finally:
        consumer.close()


def _poll(consumer: KafkaConsumer, timeout_s: float) -> list[Any]:
    batches = consumer.poll(timeout_ms=int(timeout_s * 1000))
    return [message for batch in batches.values() for message in batch]
