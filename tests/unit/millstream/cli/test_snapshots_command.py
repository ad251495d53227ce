"""`millstream snapshots` without a broker: what it shows, refuses, and leaves behind."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from kafka.errors import KafkaTimeoutError

from millstream import cli
from millstream.cli.serving_workers import ServingWorkers
from millstream.errors import LogUnavailable, SnapshotCorrupt, SnapshotError
from millstream.settings import settings
from millstream.snapshots import (
    Control,
    Manifest,
    ServedState,
    SnapshotWriter,
    read_control,
    write_control,
)
from millstream.snapshots.served_state import GONE_AFTER_S
from millstream.snapshots.withdrawn import withdraw

HELD = {"status": "held", "reason": "ranker.dense/a is not finite"}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MILLSTREAM_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    settings.cache_clear()
    folder = tmp_path / "snapshots"
    writer = SnapshotWriter(folder)
    for version, extra in ((1, {}), (2, HELD), (3, {})):
        manifest = Manifest(version=version, kind="full", created_at=0.0, extra=extra)
        writer.write(manifest, {"dense": {"w": np.zeros(3)}})
    writer.point_latest(3)
    yield folder
    settings.cache_clear()


@pytest.fixture
def workers(monkeypatch):
    """Serving workers that obey, but for those that have trouble."""
    said = {"a:1:7": "", "b:1:8": ""}

    class Workers:
        def __init__(self, *_: object) -> None:
            self.root = settings().snapshot_dir

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def listen(self, seconds: float = 1.0) -> list[ServedState]:
            control = read_control(self.root)
            version = control.version or 3
            return [
                ServedState(worker=name, version=version, control=control.number, trouble=trouble)
                for name, trouble in said.items()
            ]

        def wait_for(self, control: Control, timeout_s: float) -> list[ServedState]:
            return [state for state in self.listen() if not state.obeys(control)]

    monkeypatch.setattr("millstream.cli.snapshots.ServingWorkers", Workers)
    monkeypatch.setattr("millstream.cli.snapshots.create_topics", lambda settings: [])
    return said


def run(*arguments):
    return CliRunner().invoke(cli.cli, ["snapshots", *map(str, arguments)])


def line_of(version, output):
    (line,) = [line for line in output.splitlines() if f"│ {version} " in line]
    return line


def test_the_list_says_what_is_held_and_why_and_who_serves_what(root, workers):
    (root / "v00000001" / "manifest.json").write_text("{")
    output = run("list").output
    assert "held: ranker.dense/a is not finite" in line_of(2, output)
    assert "a:1:7, b:1:8" in line_of(3, output)
    assert "*" in line_of(3, output)
    assert "unreadable: No readable manifest" in line_of(1, output)
    assert "Serving follows what the trainer publishes." in output


def test_the_list_without_a_broker_says_what_it_does_not_know(root):
    output = run("list").output
    assert "No broker answers" in output
    assert line_of(3, output)


@pytest.mark.parametrize("action", ["pin", "rollback"])
def test_a_version_is_chosen_until_it_is_lifted(root, workers, action):
    done = run(action, 1, "--reason", "click rate fell")
    assert done.exit_code == 0
    assert "b:1:8 serves 1" in done.output
    control = read_control(root)
    assert (control.action, control.version, control.number) == (action, 1, 1)
    output = run("list").output
    assert "(click rate fell)" in line_of(1, output)
    assert "Serving stays at 1 until" in output
    assert run("resume").exit_code == 0
    assert (read_control(root).follows, read_control(root).number) == (True, 2)


def test_a_pause_stays_at_what_is_served(root, workers):
    write_control(root, Control(number=4, action="pin", version=1))
    assert run("pause").exit_code == 0
    control = read_control(root)
    assert (control.action, control.version, control.number) == ("pause", 1, 5)


def test_a_held_one_is_refused_unless_it_is_forced(root, workers):
    refused = run("rollback", 2)
    assert isinstance(refused.exception, SnapshotError)
    assert "held by the gate: ranker.dense/a is not finite" in str(refused.exception)
    assert "--force" in str(refused.exception)
    assert read_control(root).follows
    assert run("rollback", 2, "--force").exit_code == 0
    assert read_control(root).forced


def test_a_broken_one_is_refused(root, workers):
    (root / "v00000001" / "dense.safetensors").write_bytes(b"")
    assert isinstance(run("pin", 1).exception, SnapshotCorrupt)
    assert isinstance(run("pin", 77).exception, SnapshotCorrupt)
    assert read_control(root).follows


def test_who_did_not_acknowledge_is_named(root, workers):
    workers["b:1:8"] = "v1 does not match its checksum"
    error = run("pin", 1).exception
    assert isinstance(error, LogUnavailable)
    assert "The command stands" in str(error)
    assert "b:1:8 (v1 does not match its checksum)" in str(error)
    assert "a:1:7" not in str(error)
    assert read_control(root).version == 1


def test_a_command_that_nobody_hears_stands_and_is_no_success(root):
    done = run("pin", 1, "--timeout", "0.1")
    assert isinstance(done.exception, LogUnavailable)
    assert "nobody acknowledged it" in str(done.exception)
    assert read_control(root).version == 1


def test_a_command_that_cannot_be_read_is_replaced_by_one_of_a_higher_number(root, workers):
    (root / "CONTROL").write_text("nonsense")
    assert run("pin", 3).exit_code == 0
    assert read_control(root).number > 1_000_000


class Records:
    """A consumer of Kafka that has what it is given; `old` of them were there at the start."""

    def __init__(self, values: list[bytes], old: int = 0, written_s: float = 0.0) -> None:
        self.values, self.is_up = values, True
        self.old, self.written_s = old, written_s

    def poll(self, timeout_ms: int):
        if not self.is_up:
            raise KafkaTimeoutError("gone")
        values, self.values = self.values, []
        written_ms = self.written_s * 1000.0
        return {
            self.partition: [
                SimpleNamespace(value=value, offset=offset, timestamp=written_ms)
                for offset, value in enumerate(values)
            ]
        }

    def assign(self, partitions):
        (self.partition,) = partitions

    def end_offsets(self, partitions):
        return dict.fromkeys(partitions, self.old)

    def offsets_for_times(self, times):
        return dict.fromkeys(times)

    def seek_to_end(self, *partitions):
        pass


def heard(monkeypatch, states, *written) -> ServingWorkers:
    values = [*(state.encode() for state in states), b"garbage", b"[" * 99_999]
    consumer = Records(values, *written)
    monkeypatch.setattr("millstream.cli.serving_workers.consumer", lambda *_, **__: consumer)
    return ServingWorkers(settings())


def state(worker, version, control, trouble=""):
    return ServedState(worker=worker, version=version, control=control, trouble=trouble)


def test_all_workers_must_obey_what_was_said_and_not_another_command(root, monkeypatch):
    command = Control(number=5, action="pin", version=2)
    states = [state("a", 2, 5), state("b", 2, 4), state("c", 3, 5), state("b", 2, 5)]
    workers = heard(monkeypatch, states)
    assert [each.worker for each in workers.wait_for(command, 0.0)] == ["c"]
    workers = heard(monkeypatch, [*states, state("c", 2, 5)])
    assert workers.wait_for(command, 0.0) == []


def test_a_worker_that_was_killed_counts_for_so_long_after_it_was_heard_and_no_longer(
    root, monkeypatch
):
    written_s = time.time() - GONE_AFTER_S - 1.0
    workers = heard(monkeypatch, [state("killed", 2, 4), state("b", 2, 5)], 1, written_s)
    assert [each.worker for each in workers.listen(0.01)] == ["b"]  # b tells now, by a slow clock
    workers = heard(monkeypatch, [state("killed", 2, 4)], 1, written_s + 0.5 * GONE_AFTER_S)
    assert [each.worker for each in workers.listen(0.01)] == ["killed"]


def test_no_worker_is_no_acknowledgement(root, monkeypatch):
    with pytest.raises(LogUnavailable, match="No serving worker was heard within 0 s"):
        heard(monkeypatch, []).wait_for(Control(number=1), 0.0)


def test_a_broker_that_goes_away_is_said(root, monkeypatch):
    workers = heard(monkeypatch, [])
    workers._consumer.is_up = False
    with pytest.raises(LogUnavailable, match="cannot be heard: .*gone"):
        workers.listen(0.01)


def standing(**more) -> dict[str, object]:
    offsets = {"offset": 1_200}
    base = {"model": {"name": "deepfm"}, "offsets": offsets, "compared": 0.4, "worse_by": {}}
    return {"ranker": {**base, "is_live": True, **more}}


@pytest.mark.parametrize(
    ("challengers", "line"),
    [
        (standing(is_live=False), "1,300 messages behind"),
        (standing(), "40% of the rows to compare it on are there"),
        (
            standing(worse_by={"auc": [0.01, -0.002, 0.022]}),
            "auc worse by +0.0100 (-0.0020 to +0.0220)",
        ),
    ],
)
def test_the_list_says_how_far_a_changed_model_has_come(root, challengers, line):
    extra = {"challengers": challengers}
    manifest = Manifest(
        version=4, kind="full", created_at=0.0, offsets={"examples-0": 2_500}, extra=extra
    )
    SnapshotWriter(root).write(manifest, {})
    assert f"ranker deepfm is warmed up: {line}." in run("list").output


def test_one_that_was_withdrawn_is_listed_with_the_reason_and_needs_force(root, workers):
    withdraw(root, {3: "withdrawn: worse than 1"})
    output = run("list").output
    assert "held: withdrawn: worse than 1" in line_of(3, output)
    refused = run("rollback", 3)
    assert isinstance(refused.exception, SnapshotError)
    assert "withdrawn: worse than 1" in str(refused.exception)
    assert run("rollback", 3, "--force").exit_code == 0
