"""All checks of one installation, in the order in which a person would look."""

import shutil
import time
from collections.abc import Iterator

from millstream.doctor import (
    kafka_checks,
    machine_checks,
    redis_checks,
    serving_checks,
    snapshot_checks,
    stream_checks,
)
from millstream.doctor.finding import Finding, fail
from millstream.doctor.kafka_checks import Topics
from millstream.doctor.reading import RedisState, read_ready, read_redis, read_topics
from millstream.doctor.snapshot_checks import Versions
from millstream.errors import LogUnavailable, StoreUnavailable
from millstream.settings import Settings, unknown
from millstream.snapshots import SnapshotReader
from millstream.topics import EXAMPLES


def examine(settings: Settings) -> Iterator[Finding]:
    """Read every part and check it; a part that does not answer is a finding."""
    yield from machine_checks.variables_are_known(unknown())
    topics: Topics | None = None
    redis: RedisState | None = None
    try:
        topics = read_topics(settings)
        yield from kafka_findings(topics)
    except LogUnavailable as error:
        yield fail(
            kafka_checks.PART, str(error), "Start the broker, or set KAFKA_BOOTSTRAP_SERVERS"
        )
    try:
        redis = read_redis(settings)
        yield from redis_findings(redis)
    except StoreUnavailable as error:
        yield fail(redis_checks.PART, str(error), "Start Redis, or set REDIS_URL")
    versions = snapshot_checks.read_versions(SnapshotReader(settings.snapshot_dir))
    if redis is not None:
        yield from stream_findings(redis, topics or {})
    yield from trainer_findings(versions, topics or {}, settings.topic_prefix)
    yield from snapshot_findings(versions, time.time())
    yield from disk_findings(settings)
    yield serving_checks.is_ready(read_ready(settings))


def kafka_findings(topics: Topics) -> Iterator[Finding]:
    """Findings on the topics."""
    yield kafka_checks.topics_exist(topics)
    yield from kafka_checks.partitions_agree(topics)
    yield from kafka_checks.retention_is_kept(topics)
    yield from kafka_checks.replicas_are_there(topics)


def redis_findings(redis: RedisState) -> Iterator[Finding]:
    """Findings on the online store, and on its clock."""
    yield redis_checks.is_a_primary(redis.info)
    yield redis_checks.keeps_its_data(redis.info)
    yield redis_checks.evicts_nothing(redis.info)
    yield redis_checks.has_memory(redis.info)
    yield machine_checks.clocks_agree(redis.ahead_s, "Redis")


def stream_findings(redis: RedisState, topics: Topics) -> Iterator[Finding]:
    """Findings on the stream worker."""
    at, reads = redis.positions, stream_checks.READ_BY_STREAM
    yield stream_checks.are_assigned(redis.workers, topics)
    yield from stream_checks.is_in_the_log(stream_checks.STREAM, reads, at, topics)
    yield from stream_checks.same_logs(redis.logs, topics)
    if topics:
        yield stream_checks.stream_lag(at, topics)


def trainer_findings(versions: Versions, topics: Topics, prefix: str) -> Iterator[Finding]:
    """Findings on the trainer, by the newest snapshot's position."""
    if not versions.manifests or not topics:
        return
    at = stream_checks.parsed_positions(versions.manifests[-1].offsets, prefix)
    yield from stream_checks.is_in_the_log(stream_checks.TRAINER, (EXAMPLES,), at, topics)
    yield stream_checks.trainer_lag(at, topics)


def snapshot_findings(versions: Versions, now_s: float) -> Iterator[Finding]:
    """Findings on the snapshots on disk."""
    yield snapshot_checks.has_a_sound_one(versions)
    yield from snapshot_checks.chains_are_whole(versions)
    yield from snapshot_checks.is_fresh(versions, now_s)
    yield from snapshot_checks.none_is_held(versions)


def disk_findings(settings: Settings) -> Iterator[Finding]:
    """Findings on the folder of snapshots and on the offline store."""
    folder = settings.data_dir
    yield machine_checks.is_writable(folder)
    there = next(each for each in (folder, *folder.resolve().parents) if each.is_dir())
    usage = shutil.disk_usage(there)
    yield machine_checks.has_room(folder, usage.free, usage.total)
