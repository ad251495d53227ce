"""Whatever comes in, the stream goes on: poison, codecs and deletions on real Kafka and Redis."""

import json
import random
import time
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from redis import Redis

from features.bloom import SLOTS, key
from features.spec import USER_ATTRIBUTES, USER_STATS
from features.stores.redis_online import Layouts
from millstream.codec import encode
from millstream.topics import DEAD_LETTERS, EXAMPLES, INTERACTIONS, ITEMS, USERS
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.stream_cases import interaction, item_upsert, user_upsert
from tests.support.stream_outcome import online, send, wait_processed
from tests.support.topics import read

CODECS = ("gzip", "snappy", "lz4", "zstd")
MOST_LETTER_BYTES = 900_000


def poison() -> dict[str, bytes]:
    """Messages that each stopped or emptied something once."""
    whole = encode(interaction(0, "bad"))
    text = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789 ", k=1_000_000))
    return {
        "deep": b"[" * 2_000,
        "deep and closed": b"[" * 5_000 + b"]" * 5_000,
        "a long time": whole.replace(b"1750000000.0", b'"' + b"x" * 480_000 + b'"'),
        "a large context": whole.replace(
            b'"context":{}', b'"context":{"a":"' + text.encode() + b'"}'
        ),
        "half an emoji": whole.replace(b'"click"', rb'"\ud83d"'),
        "no JSON": b"\xff\x00",
    }


def test_poison_among_good_events_costs_none_of_them_and_each_is_one_letter(
    installation: Installation,
):
    settings = installation.settings
    worker = installation.run("stream", ready=installation.stream_listens)
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        linger_ms=300,
        max_request_size=3_000_000,
    )
    topic, bad = settings.topic(INTERACTIONS), poison()
    for n, value in enumerate(bad.values()):
        for k in range(5):
            event = interaction(n, f"u{n}", f"i{k}", event_id=f"{n}-{k}")
            producer.send(topic, encode(event), key=b"one partition")
        producer.send(topic, value, key=b"one partition")
    long = encode(item_upsert(0, "book", title="T")).replace(b'"T"', b'"' + b"t" * 995_000 + b'"')
    producer.send(settings.topic(ITEMS), long, key=b"book")
    producer.flush()
    producer.close()
    wait_processed(installation, 6 * len(bad) + 1)
    users = online(settings, USER_STATS, [f"u{n}" for n in range(len(bad))])
    assert [round(user["user_events_30d"]) for user in users] == [5] * len(bad)
    letters = read(settings.kafka_bootstrap_servers, settings.topic(DEAD_LETTERS), len(bad) + 1)
    assert len(letters) == len(bad) + 1
    assert all(len(letter.value) <= MOST_LETTER_BYTES for letter in letters)
    assert all(len(json.loads(letter.value)["reason"]) <= 1_000 for letter in letters)
    samples = scrape(settings.stream_metrics_port)
    trouble = [
        v for name, v in samples.items() if name.startswith("millstream_stream_trouble_total")
    ]
    assert sum(trouble) == 0
    worker.stop()
    assert worker.returncode == 0


@pytest.mark.parametrize("codec", CODECS)
def test_batches_of_every_codec_are_read(installation: Installation, services, codec: str):
    if services.kind == "tansu":
        pytest.skip("Tansu takes no compressed batches")
    settings = installation.settings
    installation.run("stream", ready=installation.stream_listens)
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        compression_type=codec,
        linger_ms=200,
        batch_size=8_000_000,
        max_request_size=8_000_000,
    )
    note = "all alike " * 90
    for n in range(5_000):  # 5 MB, which compress to a few thousand bytes
        event = interaction(n / 1_000, "ann", f"i{n % 7}", event_id=f"e{n}", context={"note": note})
        producer.send(settings.topic(INTERACTIONS), encode(event), key=b"ann")
    producer.flush()
    producer.close()
    wait_processed(installation, 5_000)
    (ann,) = online(settings, USER_STATS, ["ann"])
    assert ann["user_events_30d"] == pytest.approx(5_000, rel=1e-3)
    by_kafka_python = read(
        settings.kafka_bootstrap_servers, settings.topic(INTERACTIONS), 5_000, timeout_s=60
    )
    assert len(by_kafka_python) == 5_000


def test_a_deleted_user_is_gone_from_redis(installation: Installation):
    settings = installation.settings
    installation.run("stream", ready=installation.stream_listens)
    send(settings, [user_upsert(-5, "ann", age=30.0), user_upsert(-5, "bob", age=40.0)])
    send(settings, [interaction(n, "ann", f"i{n}", event_id=f"e{n}") for n in range(25)])
    wait_processed(installation, 27)
    redis: Any = Redis.from_url(settings.redis_url)
    keys: list[str | bytes] = [
        f"{settings.topic_prefix}stream:user:ann",
        Layouts(settings.feast_project).entity_key(USER_STATS, "ann"),
        *(key(settings.topic_prefix, "ann", slot) for slot in range(SLOTS)),
    ]
    assert sum(map(redis.exists, keys)) == 3
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    producer.send(settings.topic(USERS), None, key=b"ann", timestamp_ms=int(time.time() * 1000))
    producer.flush()
    producer.close()
    eventually(lambda: not any(map(redis.exists, keys)), "nothing left of the user")
    redis.close()
    wait_processed(installation, 28)
    attributes = online(settings, USER_ATTRIBUTES, ["ann", "bob"])
    assert [row["event_timestamp"] is None for row in attributes] == [True, False]
    samples = scrape(settings.stream_metrics_port)
    assert not any(
        v for n, v in samples.items() if n.startswith("millstream_stream_dead_letters_total")
    )


def is_altered(admin: KafkaAdminClient, topic: ConfigResource) -> bool:
    """Whether the broker takes it, as it does a moment after the topic was made."""
    try:
        admin.alter_configs([topic])
    except ValueError:
        return False
    return True


def test_what_the_broker_never_takes_is_dropped_and_the_stream_goes_on(
    installation: Installation, services
):
    if services.kind == "tansu":
        pytest.skip("Tansu knows no limit of a topic")
    settings = installation.settings
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    small = {"max.message.bytes": "6000"}
    topic = ConfigResource(ConfigResourceType.TOPIC, settings.topic(EXAMPLES), small)
    eventually(lambda: is_altered(admin, topic), "the topic is known to the broker")
    admin.close()
    installation.run("stream", ready=installation.stream_listens)
    titles = [item_upsert(-5, f"long-{n}", title=f"{n}" * 1_000) for n in range(2)]
    send(settings, titles)
    wait_processed(installation, 2)
    send(settings, [interaction(n, f"u{n}", "long-0") for n in range(30)])
    wait_processed(installation, 32)
    samples = scrape(settings.stream_metrics_port)
    dropped = 'millstream_stream_dropped_total{topic="examples"}'
    assert samples[dropped] >= 1
    assert not any(v for n, v in samples.items() if n.startswith("millstream_stream_trouble_total"))
    users = online(settings, USER_STATS, [f"u{n}" for n in range(30)])
    assert all(user["user_events_30d"] == 1.0 for user in users)
    letters = read(settings.kafka_bootstrap_servers, settings.topic(DEAD_LETTERS), 1)
    assert "MessageSizeTooLargeError" in json.loads(letters[0].value)["reason"]
