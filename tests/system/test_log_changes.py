"""A topic that is another log than the one that was read: nothing of it is passed over."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from deploy.local.kafka import kafka_service
from deploy.local.redis import redis_service
from deploy.local.service import Service
from features.spec import ITEM_STATS, USER_STATS
from millstream.snapshots import SnapshotReader
from millstream.topics import INTERACTIONS, ITEMS
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.outage import ITEMS as ITEM_IDS
from tests.support.outage import SMALL, USERS, clicks
from tests.support.scrape import scrape
from tests.support.stream_cases import item_upsert
from tests.support.stream_outcome import offline, online, position, send

TIMEOUT_S = 300.0
CLICKS = 400
CHANGES = "millstream_stream_log_changes_total"
LEARNT_CHANGES = "millstream_trainer_log_changes_total"

pytestmark = pytest.mark.timeout(900)


@contextmanager
def started(*services: Service) -> Iterator[None]:
    """Services that run for as long as the block lasts."""
    with ExitStack() as stack:
        for service in services:
            service.start()
            stack.callback(service.stop)
        yield


def counted(own: Installation) -> int:
    """Events in the features of all users."""
    rows = online(own.settings, USER_STATS, USERS)
    return round(sum(row["user_events_30d"] or 0.0 for row in rows))


def learnt(own: Installation) -> int:
    """Examples in the newest snapshot."""
    reader = SnapshotReader(own.settings.snapshot_dir)
    version = reader.latest()
    return 0 if version is None else reader.manifest(version).examples


def kept(own: Installation) -> int:
    """Rows in the offline store: one an event and view."""
    return min(offline(own.settings, view).num_rows for view in (USER_STATS, ITEM_STATS))


def evening(own: Installation, number: int, **then: int) -> dict[str, float]:
    """Run the parts by hand, as README tells; the metrics of stream worker and trainer at the end.

    Args:
        **then: what must have come of it: events that are counted, learnt, kept.
    """
    own.create_topics()
    events = [item_upsert(-10, item, title=item) for item in ITEM_IDS]
    distinct = clicks(CLICKS, first=number * 1_000)
    stream = own.run("stream", ready=own.stream_listens)
    trainer = own.run("train")
    send(own.settings, [*events, *distinct])
    eventually(lambda: counted(own) >= then["counted"], "worked on", TIMEOUT_S)
    assert counted(own) == then["counted"]
    eventually(lambda: kept(own) >= then["kept"], "rows in part files", TIMEOUT_S)
    assert kept(own) == then["kept"]
    eventually(lambda: learnt(own) >= then["learnt"], "learnt", TIMEOUT_S)
    settings = own.settings
    metrics = scrape(settings.stream_metrics_port) | scrape(settings.trainer_metrics_port)
    trainer.stop()
    stream.stop()
    return metrics


def changed(metrics: dict[str, float], change: str) -> tuple[float, float]:
    """How often (the stream's, of `interactions`, the trainer's) log was found changed."""
    topic = f'{CHANGES}{{change="{change}",topic="interactions"}}'
    return metrics[topic], metrics[f'{LEARNT_CHANGES}{{change="{change}"}}']


@pytest.mark.parametrize("is_redis_kept", [False, True])
def test_a_second_evening_in_the_same_folder_is_counted_learnt_and_kept(
    tmp_path: Path, is_redis_kept: bool
):
    redis = redis_service(tmp_path / "redis-1")
    first, second = kafka_service(tmp_path / "kafka-1"), kafka_service(tmp_path / "kafka-2")
    if "external" in (redis.kind, first.kind):
        pytest.skip("services that are not ours to replace")
    options: dict[str, Any] = {**SMALL, "offline_flush_s": 0.3, "sampled_negatives": 0}
    with started(redis):
        with (
            started(first),
            Installation(first.address, redis.address, "two.", tmp_path, **options) as own,
        ):
            metrics = evening(own, 1, counted=CLICKS, learnt=CLICKS, kept=CLICKS)
            assert changed(metrics, "other") == (0, 0)
        if is_redis_kept:
            other = redis
        else:
            redis.stop()
            other = redis_service(tmp_path / "redis-2")
            other.start()
        with (
            started(second),
            Installation(second.address, other.address, "two.", tmp_path, **options) as own,
        ):
            counts = {"counted": CLICKS * (1 + is_redis_kept)}
            metrics = evening(own, 2, **counts, learnt=2 * CLICKS, kept=2 * CLICKS)
            assert changed(metrics, "other") == (is_redis_kept, 1)
            assert learnt(own) == 2 * CLICKS
        other.stop()


def test_a_topic_made_anew_under_a_live_worker_is_read_from_its_beginning(
    installation: Installation,
):
    own, name = installation, installation.settings.topic(INTERACTIONS)
    own.choose(allowed_lateness_s=1_000.0, offline_flush_s=0.3)
    worker = own.run("stream", ready=own.stream_listens)
    first = clicks(CLICKS, first=0)
    send(own.settings, first)
    eventually(lambda: position(own.settings, INTERACTIONS) == len(first), "worked on", TIMEOUT_S)
    admin = KafkaAdminClient(bootstrap_servers=own.settings.kafka_bootstrap_servers)
    admin.delete_topics([name])
    eventually(lambda: name not in admin.list_topics(), "the topic is gone", TIMEOUT_S)
    admin.create_topics([NewTopic(name, INTERACTIONS.partitions, 1)])
    admin.close()
    second = clicks(CLICKS // 4, first=1_000)
    time.sleep(1.0)
    send(own.settings, second)
    wanted = CLICKS + CLICKS // 4
    eventually(lambda: counted(own) >= wanted, "the new topic's events are counted", TIMEOUT_S)
    assert counted(own) == wanted
    eventually(lambda: kept(own) >= wanted, "and kept", TIMEOUT_S)
    assert worker.alive
    metrics = scrape(own.settings.stream_metrics_port)
    assert metrics[f'{CHANGES}{{change="other",topic="interactions"}}'] == 1
    assert metrics[f'{CHANGES}{{change="other",topic="{ITEMS.name}"}}'] == 0
    assert "is another log than the one that was read" in worker.log.read_text()


def test_told_to_stop_a_worker_says_so_and_ends(installation: Installation):
    own, name = installation, installation.settings.topic(INTERACTIONS)
    worker = own.run("stream", ready=own.stream_listens)
    sent = send(own.settings, clicks(CLICKS, first=0))
    eventually(lambda: position(own.settings, INTERACTIONS) == sent, "worked on", TIMEOUT_S)
    worker.stop()
    admin = KafkaAdminClient(bootstrap_servers=own.settings.kafka_bootstrap_servers)
    admin.delete_topics([name])
    eventually(lambda: name not in admin.list_topics(), "the topic is gone", TIMEOUT_S)
    admin.close()
    own.create_topics()
    own.choose(on_log_changed="stop")
    again = own.run("stream")
    assert again.wait(TIMEOUT_S) == 1
    assert "not without an operator" in again.log_tail(1)
