"""The doctor's checks: each planted fault is found at its level, and a healthy part is OK."""

from dataclasses import replace

import numpy as np
import pytest

from features.stores.redis_online import Layouts
from millstream.doctor import machine_checks, redis_checks, serving_checks, snapshot_checks
from millstream.doctor.examination import kafka_findings, snapshot_findings
from millstream.doctor.finding import Finding, Level, fail, ok, warn, worst
from millstream.doctor.kafka_checks import TopicState
from millstream.doctor.reading import stream_key
from millstream.doctor.serving_checks import Ready
from millstream.doctor.stream_checks import (
    READ_BY_STREAM,
    are_assigned,
    is_in_the_log,
    same_logs,
    stream_lag,
    trainer_lag,
)
from millstream.settings import Settings
from millstream.snapshots import Manifest, SnapshotReader, SnapshotWriter
from millstream.snapshots.manifest import Kind
from millstream.topics import EXAMPLES, IMPRESSIONS, INTERACTIONS, ITEMS, TOPICS, USERS
from stream.storage.schema import StateCommands

NOW = 1_700_000_000.0
HEALTHY = {
    topic: TopicState(
        identity=f"id-{topic.name}",
        begins=dict.fromkeys(range(topic.partitions), 10),
        ends=dict.fromkeys(range(topic.partitions), 100),
        config=topic.config(),
    )
    for topic in TOPICS
}


def topics(topic=None, **changes):
    if topic is None:
        return HEALTHY
    return {**HEALTHY, topic: replace(HEALTHY[topic], **changes)}


def level_and_text(findings) -> tuple[Level, str]:
    found = [findings] if isinstance(findings, Finding) else list(findings)
    return worst(found), " | ".join(f"{each.text} {each.remedy}" for each in found)


def test_the_exit_code_is_that_of_the_worst():
    assert worst([]) == 0
    assert worst([ok("a", "b"), warn("a", "b", "c")]) == 1
    assert worst([fail("a", "b", "c"), ok("a", "b")]) == 2


def test_a_healthy_kafka_is_ok():
    assert level_and_text(kafka_findings(HEALTHY)) == (Level.OK, f"{len(TOPICS)} topics ")


@pytest.mark.parametrize(
    ("found", "level", "text"),
    [
        ({t: s for t, s in HEALTHY.items() if t != ITEMS}, Level.FAIL, "Topics missing: items"),
        (
            topics(USERS, ends={0: 1, 1: 1}),
            Level.FAIL,
            "interactions 16, impressions 16, users 2",
        ),
        (topics(EXAMPLES, ends={0: 1, 1: 1}), Level.FAIL, "examples has 2 partitions"),
        (topics(ITEMS, config={"cleanup.policy": "delete"}), Level.FAIL, "Set it to compact"),
        (
            topics(IMPRESSIONS, config={"retention.ms": "86400000"}),
            Level.WARN,
            "impressions is kept for 1 days",
        ),
        (
            topics(INTERACTIONS, config={"retention.bytes": "1000"}),
            Level.WARN,
            "is cut at 1,000 bytes",
        ),
        (topics(USERS, leaderless=1), Level.FAIL, "No leader: users"),
        (topics(USERS, behind=1), Level.WARN, "Replicas lag: users"),
    ],
)
def test_a_fault_of_the_topics_is_found(found, level, text):
    worst_, told = level_and_text(kafka_findings(found))
    assert worst_ is level
    assert text in told


def test_longer_retention_is_no_fault():
    kept = topics(INTERACTIONS, config={"retention.ms": "-1", "retention.bytes": "-1"})
    assert level_and_text(kafka_findings(kept))[0] is Level.OK


@pytest.mark.parametrize(
    ("check", "info", "level"),
    [
        (redis_checks.is_a_primary, {"role": "master", "cluster_enabled": 0}, Level.OK),
        (redis_checks.is_a_primary, {"role": "slave"}, Level.FAIL),
        (redis_checks.is_a_primary, {"cluster_enabled": 1}, Level.FAIL),
        (redis_checks.keeps_its_data, {"aof_enabled": 1}, Level.OK),
        (redis_checks.keeps_its_data, {"aof_enabled": 0}, Level.WARN),
        (
            redis_checks.keeps_its_data,
            {"aof_enabled": 1, "aof_last_write_status": "err"},
            Level.FAIL,
        ),
        (redis_checks.evicts_nothing, {"maxmemory_policy": "noeviction"}, Level.OK),
        (redis_checks.evicts_nothing, {"maxmemory_policy": "allkeys-lru"}, Level.FAIL),
        (redis_checks.has_memory, {"used_memory": 79, "maxmemory": 100}, Level.OK),
        (redis_checks.has_memory, {"used_memory": 81, "maxmemory": 100}, Level.WARN),
        (
            redis_checks.has_memory,
            {"used_memory": 96, "maxmemory": 0, "total_system_memory": 100},
            Level.FAIL,
        ),
    ],
)
def test_a_fault_of_redis_is_found(check, info, level):
    assert check(info).level is level


def test_positions_within_the_log_are_ok():
    at = {("interactions", 0): 10, ("interactions", 1): 100}
    assert is_in_the_log("Stream", READ_BY_STREAM, at, HEALTHY) == []


@pytest.mark.parametrize(
    ("position", "text"), [(101, "stands at 101, the topic ends at 100"), (9, "1 records were")]
)
def test_a_position_outside_of_the_log_is_found(position, text):
    (found,) = is_in_the_log("Stream", READ_BY_STREAM, {("interactions", 2): position}, HEALTHY)
    assert found.level is Level.FAIL
    assert text in found.text


def test_a_compacted_topic_may_begin_later():
    assert is_in_the_log("Stream", READ_BY_STREAM, {("items", 0): 5}, HEALTHY) == []


def test_a_topic_that_was_made_anew_is_found():
    assert same_logs({"items": "id-items.1", "gone": "x"}, HEALTHY) == []
    (found,) = same_logs({"items": "another"}, HEALTHY)
    assert (found.level, "items is another one" in found.text) == (Level.FAIL, True)


def test_the_lag_is_what_is_in_the_log_and_not_reached():
    at = {(topic.name, p): 100 for topic in READ_BY_STREAM for p in range(topic.partitions)}
    assert "0 records behind" in stream_lag(at, HEALTHY).text
    assert "7 records behind" in stream_lag({**at, ("items", 0): 93}, HEALTHY).text
    every = sum(topic.partitions for topic in READ_BY_STREAM)
    assert f"{90 * every} records" in stream_lag({}, HEALTHY).text.replace(",", "")
    many = topics(ITEMS, ends={0: 10_101})
    assert stream_lag(at, many).level is Level.WARN
    assert trainer_lag({}, topics(EXAMPLES, ends={0: 1_010})).level is Level.OK
    assert trainer_lag({}, topics(EXAMPLES, ends={0: 1_011})).level is Level.WARN


def test_a_stream_without_a_worker_is_found():
    users = [f"u{n}" for n in range(USERS.partitions)]
    assert are_assigned({"a": users[:7], "b": [*users[7:], "items"]}, HEALTHY).level is Level.OK
    assert are_assigned({"a": users}, HEALTHY).text == "Nobody has items"
    assert are_assigned({"a": [*users[1:], "items"]}, HEALTHY).text == "Nobody has u0"
    assert are_assigned({}, HEALTHY).level is Level.FAIL


def test_keys_are_those_of_the_stream():
    commands = StateCommands("shop.", Layouts("x"))
    settings = Settings(topic_prefix="shop.", _env_file=None)
    for name in ("positions", "lease", "logs"):
        assert stream_key(settings, name) == commands.key(name)


@pytest.fixture
def folder(tmp_path):
    writer = SnapshotWriter(tmp_path)
    parts = {"ranker.dense": {"w": np.ones(3, "float32")}}
    for version in (1, 2, 3):
        kind: Kind = "full" if version == 1 else "delta"
        parent = None if version == 1 else version - 1
        writer.write(
            Manifest(version=version, kind=kind, parent=parent, created_at=NOW - 10 + version),
            parts,
        )
    writer.point_latest(3)
    return tmp_path


def snapshots(folder, now_s: float = NOW) -> tuple[Level, str]:
    found = snapshot_checks.read_versions(SnapshotReader(folder))
    return level_and_text(snapshot_findings(found, now_s))


def test_sound_snapshots_are_ok(folder):
    level, text = snapshots(folder)
    assert level is Level.OK
    assert "3 versions, newest 3" in text and "7 s old" in text


def test_an_empty_folder_is_a_warning(tmp_path):
    assert snapshots(tmp_path)[0] is Level.WARN


def test_an_old_snapshot_is_a_warning(folder):
    level, text = snapshots(folder, NOW + 7_200)
    assert level is Level.WARN
    assert "The newest is 2 h old" in text


def test_a_damaged_newest_snapshot_fails(folder):
    (folder / "v00000003" / "ranker.dense.safetensors").write_bytes(b"x")
    level, text = snapshots(folder)
    assert level is Level.FAIL
    assert "Version 3, which LATEST points to" in text and "2 versions, newest 2" in text


def test_a_broken_chain_is_told_for_what_hangs_on_it(folder):
    (folder / "v00000001" / "manifest.json").unlink()
    level, text = snapshots(folder)
    assert level is Level.FAIL
    assert "No version is sound" in text


def test_latest_that_points_nowhere_fails(folder):
    SnapshotWriter(folder).point_latest(9)
    level, text = snapshots(folder)
    assert (level, "LATEST points to version 9" in text) == (Level.FAIL, True)


def test_a_held_newest_snapshot_is_a_warning(folder):
    held = Manifest(
        version=4, kind="full", created_at=NOW, extra={"status": "held", "reason": "NaN in w"}
    )
    SnapshotWriter(folder).write(held, {})
    level, text = snapshots(folder)
    assert (level, "holds 1 versions, the newest too: NaN in w" in text) == (Level.WARN, True)


def test_faults_of_the_machine_are_found(tmp_path):
    assert machine_checks.is_writable(tmp_path / "not" / "yet").level is Level.OK
    assert machine_checks.is_writable(tmp_path.root / tmp_path / "x").level is Level.OK
    for free, level in ((11, Level.OK), (9, Level.WARN), (1, Level.FAIL)):
        assert machine_checks.has_room(tmp_path, free, 100).level is level
    for ahead_s, level in ((1.0, Level.OK), (-3.0, Level.WARN), (31.0, Level.FAIL)):
        assert machine_checks.clocks_agree(ahead_s, "Redis").level is level
    assert "3.0 s behind Redis" in machine_checks.clocks_agree(-3.0, "Redis").text


def test_a_folder_that_refuses_files_is_found(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    found = machine_checks.is_writable(tmp_path)
    assert (found.level, "No space left on device" in found.text) == (Level.FAIL, True)


@pytest.mark.parametrize(
    ("status", "level"),
    [(200, Level.OK), (503, Level.FAIL), (404, Level.FAIL), (None, Level.WARN)],
)
def test_a_serving_worker_that_is_not_ready_is_found(status, level):
    found = serving_checks.is_ready(Ready("http://x", status, {"ready": False, "items": 3}))
    assert found.level is level
