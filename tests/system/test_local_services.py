"""The broker and the Redis that tests and the demo run on do what Millstream needs of them."""

import time
from pathlib import Path

import pytest
import redis
from kafka import KafkaConsumer

from deploy.local import LocalServices, local_services
from millstream.kafka import create_topics
from millstream.topics import TOPICS
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.topics import publish, read


def test_topics_are_created_once(installation: Installation):
    assert create_topics(installation.settings) == []


def test_every_message_arrives_in_order_of_its_key(installation: Installation, kafka: str):
    topic = f"{installation.settings.topic_prefix}interactions"
    sent = [(str(n % 7).encode(), str(n).encode()) for n in range(5_000)]
    publish(kafka, topic, sent)
    messages = read(kafka, topic, len(sent), quiet_s=0.2)
    assert len(messages) == len(sent)
    for key in {key for key, _ in sent}:
        arrived = [message for message in messages if message.key == key]
        assert [message.value for message in arrived] == [v for k, v in sent if k == key]
        assert len({message.partition for message in arrived}) == 1


def test_a_group_goes_on_where_it_committed(installation: Installation, kafka: str):
    topic = f"{installation.settings.topic_prefix}examples"
    publish(kafka, topic, [(None, str(n).encode()) for n in range(10)])

    def member() -> KafkaConsumer:
        return KafkaConsumer(
            topic,
            bootstrap_servers=kafka,
            group_id=topic,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=6_000,
            heartbeat_interval_ms=1_000,
            max_poll_records=4,
        )

    def some(consumer: KafkaConsumer) -> list[bytes]:
        polled = eventually(lambda: consumer.poll(timeout_ms=500), "records for the group")
        return [message.value for batch in polled.values() for message in batch]

    first = member()
    assert some(first) == [b"0", b"1", b"2", b"3"]
    first.commit()
    first.close()
    second = member()
    assert some(second)[0] == b"4"
    second.close()


def test_databases_of_two_tests_are_apart(redis_databases):
    one, other = redis_databases.empty_one(), redis_databases.empty_one()
    if one == other:
        pytest.skip("the Redis in REDIS_URL is used with its one database")
    with redis.Redis.from_url(one) as left, redis.Redis.from_url(other) as right:
        left.set("key", "value")
        assert right.get("key") is None
        left.flushdb()


def test_a_killed_redis_comes_back_with_its_data(own_services: LocalServices):
    if own_services.redis.kind == "external":
        pytest.skip("the Redis in REDIS_URL is not ours to kill")
    with redis.Redis.from_url(own_services.redis_url) as client:
        client.set("key", "value")
        own_services.redis.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("key")
        own_services.redis.start()
        assert client.get("key") == b"value"


def test_a_folder_keeps_what_it_held_for_the_next_time(tmp_path: Path):
    with local_services(tmp_path) as first:
        if not first.kafka.durable or "external" in (first.kind, first.redis.kind):
            pytest.skip("this broker keeps nothing, or is not ours")
        create_topics(
            Installation(first.bootstrap_servers, first.redis_url, "kept.", tmp_path).settings
        )
        publish(first.bootstrap_servers, "kept.examples", [(None, b"kept")])
        with redis.Redis.from_url(first.redis_url) as client:
            client.set("key", "value")
    with local_services(tmp_path) as second:
        (message,) = read(second.bootstrap_servers, "kept.examples", 1)
        assert message.value == b"kept"
        with redis.Redis.from_url(second.redis_url) as client:
            assert client.get("key") == b"value"


def test_a_killed_broker_comes_back_on_its_address(own_services: LocalServices):
    """And with its messages, where they are kept on disk."""
    if own_services.kind == "external":
        pytest.skip("the broker in KAFKA_BOOTSTRAP_SERVERS is not ours to kill")
    settings = Installation(
        own_services.bootstrap_servers, own_services.redis_url, "killed.", own_services.folder
    ).settings
    assert len(create_topics(settings)) == len(TOPICS)
    publish(own_services.bootstrap_servers, "killed.examples", [(None, b"kept")])
    own_services.kafka.kill()
    started = time.monotonic()
    own_services.kafka.start()
    assert time.monotonic() - started < 30
    if own_services.kafka.durable:
        assert create_topics(settings) == []
        (message,) = read(own_services.bootstrap_servers, "killed.examples", 1)
        assert message.value == b"kept"
    else:
        assert len(create_topics(settings)) == len(TOPICS)
