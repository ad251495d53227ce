"""The stream worker on a real broker and a real Redis."""

import base64
import json
import time
import zlib
from random import Random

from kafka.partitioner.abc import Partitioner

from deploy.local.places import free_ports
from features.spec import ITEM_ATTRIBUTES, ITEM_STATS, USER_STATS
from millstream.events import Event
from millstream.topics import DEAD_LETTERS, INTERACTIONS
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.stream_cases import START, impression, interaction, item_upsert, user_upsert
from tests.support.stream_outcome import examples, offline, online, send, wait_processed
from tests.support.topics import publish, read

USERS, ITEMS = 20, 10


def catalogue() -> list[Event]:
    items = [item_upsert(-10, f"i{n}", categories=[f"c{n % 3}"]) for n in range(ITEMS)]
    return [*items, *(user_upsert(-10, f"u{n}", age=20.0 + n) for n in range(USERS))]


def clicks(count: int, seed: int = 1) -> list[Event]:
    random = Random(seed)
    return [
        interaction(
            n / 10,
            f"u{random.randrange(USERS)}",
            f"i{random.randrange(ITEMS)}",
            event_id=f"{seed}-{n}",
        )
        for n in range(count)
    ]


class ByCrc32(Partitioner):
    """As librdkafka hashes keys."""

    def partition(self, topic, key, serialized_key, value, serialized_value, cluster) -> int:
        return zlib.crc32(serialized_key) % len(cluster.partitions_for_topic(topic))


def test_events_become_features_online_and_offline_and_examples(installation: Installation):
    installation.choose(offline_flush_s=0.5, allowed_lateness_s=60.0)
    worker = installation.run("stream", ready=installation.stream_listens)
    settings = installation.settings
    send(settings, catalogue())
    wait_processed(installation, ITEMS + USERS)
    send(settings, clicks(500)[:250])
    send(settings, clicks(500)[250:], partitioner=ByCrc32())
    wait_processed(installation, ITEMS + USERS + 500)

    samples = scrape(settings.stream_metrics_port)
    assert samples['millstream_stream_moved_total{topic="interactions"}'] > 100
    (row,) = online(settings, ITEM_ATTRIBUTES, ["i4"])
    assert row["item_categories"] == ["c1"]
    users = online(settings, USER_STATS, [f"u{n}" for n in range(USERS)])
    assert round(sum(user["user_events_30d"] for user in users)) == 500
    rows = examples(settings)
    organic = [row for row in rows if row["origin"] == "organic"]
    assert len(organic) == 500
    assert {row["user_age"] - 20.0 for row in rows} == {float(row["user_id"][1:]) for row in rows}
    eventually(lambda: offline(settings, ITEM_STATS).num_rows == 500, "rows in part files")
    worker.stop()
    assert worker.returncode == 0


def test_feedback_within_the_window_joins_its_list_and_the_rest_are_negatives(
    installation: Installation,
):
    installation.choose(join_window_s=2.0, allowed_lateness_s=0.0)
    installation.run("stream", ready=installation.stream_listens)
    settings = installation.settings
    send(settings, [impression(0, "r1", ["i1", "i2", "i3"])])
    wait_processed(installation, 1)
    send(settings, [interaction(1, "u1", "i2", request_id="r1")])
    eventually(lambda: len(examples(settings)) == 3, "an example for each shown item")
    labels = {row["item_id"]: row["label"] for row in examples(settings)}
    assert labels == {"i1": 0.0, "i2": 1.0, "i3": 0.0}
    assert {row["item_popularity"] for row in examples(settings)} == {7.0, 8.0, 9.0}


def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(installation: Installation):
    installation.run("stream", ready=installation.stream_listens)
    settings = installation.settings
    kafka = settings.kafka_bootstrap_servers
    poison = [b"", b"{", b"\xff\xfe", b'{"type":"interaction"}', b"[]" * 1000]
    huge = b"[]" * 450_000  # which does not fit into a message once more in Base64
    publish(kafka, settings.topic(INTERACTIONS), [(b"u1", value) for value in [*poison, huge]])
    send(settings, clicks(5))
    wait_processed(installation, len(poison) + 1 + 5)
    letters = [
        json.loads(message.value)
        for message in read(kafka, settings.topic(DEAD_LETTERS), len(poison) + 1)
    ]
    *originals, last = (letter["original"] for letter in letters)
    assert list(map(base64.b64decode, originals)) == poison
    assert last is None
    assert all(letter["reason"] for letter in letters)
    assert len(examples(settings)) >= 5


def test_a_probe_is_measured(installation: Installation):
    installation.run("stream", ready=installation.stream_listens)
    send(installation.settings, clicks(1))
    wait_processed(installation, 1)
    probe = interaction(
        time.time() - START, "__probe_user__", "__probe_item__", is_probe=True, event_id="p"
    )
    send(installation.settings, [probe])
    wait_processed(installation, 2)
    samples = scrape(installation.settings.stream_metrics_port)
    assert samples["millstream_stream_event_to_feature_seconds_count"] == 1
    assert 0 < samples["millstream_stream_event_to_feature_seconds_sum"] < 10


def test_a_standby_takes_over_and_does_not_work_before(installation: Installation):
    first = installation.run("stream", ready=installation.stream_listens)
    settings = installation.settings
    send(settings, clicks(50, seed=1))
    wait_processed(installation, 50)
    first_port = settings.stream_metrics_port
    installation.choose(stream_metrics_port=free_ports(1)[0])
    installation.run("stream", ready=installation.stream_listens)
    send(settings, clicks(50, seed=2))
    eventually(
        lambda: (
            scrape(first_port)[
                'millstream_stream_events_total{kind="interaction",outcome="organic"}'
            ]
            == 100
        ),
        "the first works on",
    )
    first.stop()
    send(settings, clicks(50, seed=3))
    wait_processed(installation, 50)
    users = online(settings, USER_STATS, [f"u{n}" for n in range(USERS)])
    assert round(sum(user["user_events_30d"] for user in users)) == 150
