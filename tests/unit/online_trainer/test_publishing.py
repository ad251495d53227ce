"""Snapshots: what goes out, what is gone on from, and that neither changes what is learnt."""

import numpy as np
import pytest

from millstream.snapshots import SnapshotReader
from online_trainer.baseline import Baseline
from online_trainer.gate import Gate
from online_trainer.resume import resume
from online_trainer.trainer import Trainer
from online_trainer.wiring import Wiring
from tests.support.examples import example_message
from tests.support.publishing import Publishing
from tests.support.training import differences
from tests.unit.online_trainer.conftest import SETTINGS

ROWS = 120
MODELS = Wiring(SETTINGS).models()


def consume(trainer: Trainer, numbers) -> None:
    for number in numbers:
        trainer.consume(example_message(number, ROWS), number)


def test_a_trainer_that_stops_and_goes_on_equals_one_that_never_stopped(trainers, tmp_path):
    straight = trainers.fresh()
    consume(straight, range(10))
    Publishing(trainers.fresh(), tmp_path, MODELS).learn(range(7))  # full, delta, delta, full, ...
    again = trainers.restored(tmp_path)
    assert again.position.offset == 7
    consume(again, range(7, 10))
    assert differences(straight, again) == []
    assert again.position == straight.position


def test_a_second_restart_builds_on_the_first(trainers, tmp_path):
    straight = trainers.fresh()
    consume(straight, range(6))
    first = Publishing(trainers.fresh(), tmp_path, MODELS)
    first.learn(range(2))
    again = trainers.restored(tmp_path)
    Publishing(again, tmp_path, MODELS, first.publisher.base).learn(range(2, 4))
    once_more = trainers.restored(tmp_path)
    consume(once_more, range(4, 6))
    assert differences(straight, once_more) == []


def test_publishing_more_often_does_not_change_what_is_learnt(trainers, tmp_path):
    often, never = trainers.fresh(), trainers.fresh()
    Publishing(often, tmp_path, MODELS).learn(range(5))
    consume(never, range(5))
    assert differences(often, never) == []


def test_the_first_snapshot_waits_for_its_examples_and_the_others_do_not(trainers, tmp_path):
    out = Publishing(trainers.fresh(), tmp_path, MODELS, first_after=3 * ROWS)
    said = []
    for number in range(5):
        out.learn([number])
        said.append(len(out.said))
    assert said == [0, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("message_s", "every_examples", "expected"),
    [
        (0.0, 2 * ROWS, [0, 1, 1, 2, 2]),
        (0.4, 2 * ROWS, [0, 1, 1, 2, 2]),
        (0.4, 9 * ROWS, [0, 0, 1, 1, 1]),
    ],
)
def test_a_snapshot_is_due_when_its_examples_are_learnt_or_its_time_is_over_whichever_is_sooner(
    trainers, tmp_path, message_s, every_examples, expected
):
    out = Publishing(
        trainers.fresh(), tmp_path, MODELS, message_s=message_s, every_examples=every_examples
    )
    said = []
    for number in range(5):
        out.learn([number])
        said.append(len(out.said))
    assert said == expected


def test_the_examples_before_a_restart_do_not_count_for_the_next_snapshot(trainers, tmp_path):
    first = Publishing(trainers.fresh(), tmp_path, MODELS)
    first.learn(range(3))
    again = Publishing(
        trainers.restored(tmp_path),
        tmp_path,
        MODELS,
        first.publisher.base,
        message_s=0.0,
        every_examples=2 * ROWS,
    )
    again.learn([3])
    assert again.said == []
    again.learn([4])
    assert [each.version for each in again.said] == [4]


def test_a_held_snapshot_is_announced_as_held_and_nothing_builds_on_it(trainers, tmp_path):
    strict = Gate(max_normalised_entropy=0.0, after_examples=2 * ROWS)
    out = Publishing(trainers.fresh(), tmp_path, MODELS, gate=strict)
    out.learn(range(3))
    assert [each.status for each in out.said] == ["published", "held", "held"]
    assert "normalised entropy" in out.said[1].reason
    reader = SnapshotReader(tmp_path)
    assert reader.latest() == 1
    assert [reader.manifest(version).parent for version in (2, 3)] == [1, 1]
    assert trainers.restored(tmp_path).position.offset == 1


def test_a_corrupt_snapshot_is_passed_over(trainers, tmp_path, caplog):
    Publishing(trainers.fresh(), tmp_path, MODELS).learn(range(2))
    file = SnapshotReader(tmp_path).directory(2) / "ranker.tables.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    assert trainers.restored(tmp_path).position.offset == 1
    assert "Snapshot 2 is passed over" in caplog.text


def test_a_full_disk_costs_a_snapshot_and_nothing_else(trainers, tmp_path, monkeypatch, caplog):
    out = Publishing(trainers.fresh(), tmp_path, MODELS)
    out.learn([0])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("millstream.snapshots.writer.save_file", full)
        out.learn([1])
    assert "No space left" in caplog.text
    out.learn([2])
    assert SnapshotReader(tmp_path).versions() == [1, 2]
    straight = trainers.fresh()
    consume(straight, range(3))
    assert differences(straight, trainers.restored(tmp_path)) == []


def test_a_snapshot_of_other_models_is_passed_over(trainers, tmp_path, caplog):
    Publishing(trainers.fresh(), tmp_path, MODELS).learn([0])
    trainer = trainers.fresh()
    assert resume(trainer, SnapshotReader(tmp_path), {"ranker": {"name": "deepfm"}}) is None
    assert "it has other models" in caplog.text
    assert trainer.position.offset == 0


def test_a_snapshot_of_other_features_is_passed_over(trainers, tmp_path, caplog, monkeypatch):
    Publishing(trainers.fresh(), tmp_path, MODELS).learn([0])
    monkeypatch.setattr("online_trainer.resume.spec_hash", lambda: "changed")
    assert resume(trainers.fresh(), SnapshotReader(tmp_path), MODELS) is None
    assert "it has other features" in caplog.text


def test_after_a_restart_the_snapshot_gone_on_from_is_told_again(trainers, tmp_path):
    first = Publishing(trainers.fresh(), tmp_path, MODELS)
    first.learn(range(2))
    again = Publishing(trainers.restored(tmp_path), tmp_path, MODELS, first.publisher.base)
    again.publisher.tell_again()
    assert [(each.version, each.status) for each in again.said] == [(2, "published")]


def test_after_a_rollback_it_is_not(trainers, tmp_path):
    first = Publishing(trainers.fresh(), tmp_path, MODELS)
    first.learn(range(2))
    first.publisher.writer.point_latest(1)
    again = Publishing(trainers.restored(tmp_path), tmp_path, MODELS, first.publisher.base)
    again.publisher.tell_again()
    assert again.said == []


def test_probes_are_told_until_a_snapshot_that_holds_them_is_out(trainers, tmp_path):
    trainer = trainers.fresh()
    strict = Gate(max_normalised_entropy=0.0, after_examples=2 * ROWS)
    out = Publishing(trainer, tmp_path, MODELS, gate=strict)
    probes = []
    for number in range(3):
        flags = np.arange(ROWS) == number
        message = example_message(number, ROWS, changes={"is_probe": flags})
        out.publisher.passed(trainer.consume(message, number).probes)
        out.publish()
        reader = SnapshotReader(tmp_path)
        probes.append([name for name, _ in reader.manifest(number + 1).extra["probes"]])
    assert out.said[2].status == "held"
    # The first two were published; what the held one knew, the next one tells too.
    assert probes[:2] == [["event-0"], ["event-121"]]
    out.publisher.taker = type(out.publisher.taker)(trainer, Gate(), out.publisher.taker.about)
    consume(trainer, [3])
    out.publish()
    assert [name for name, _ in reader.manifest(4).extra["probes"]] == ["event-242"]


def test_the_baseline_is_frozen_at_the_first_snapshot_and_survives_a_restart(trainers, tmp_path):
    trainer, other = trainers.fresh(), trainers.fresh()
    trainer.baseline = Baseline(other.ranker)
    first = Publishing(trainer, tmp_path, MODELS)
    first.learn(range(3))
    compared = trainer.baseline.comparison
    assert (trainer.baseline.version, compared.rows) == (1, 2 * ROWS)
    frozen = [weight.numpy().copy() for weight in trainer.baseline.ranker.network.variables]

    again = trainers.fresh()
    again.baseline = Baseline(trainers.fresh().ranker)
    assert resume(again, SnapshotReader(tmp_path), MODELS) is not None
    assert again.baseline.version == 1
    assert again.baseline.comparison.values() == compared.values()
    for weight, before in zip(again.baseline.ranker.network.variables, frozen, strict=True):
        np.testing.assert_array_equal(weight.numpy(), before)
    for each in (trainer, again):
        consume(each, [3])
        assert each.baseline is not None
    assert again.baseline.comparison.values() == compared.values()


def test_what_is_learnt_of_another_log_is_published_though_its_offsets_are_lower(
    trainers, tmp_path
):
    out = Publishing(trainers.fresh(), tmp_path, MODELS)
    out.learn(range(4))
    before, position = len(out.said), out.trainer.position
    position.begin("another", 0, is_other=True)
    out.learn([0])
    assert len(out.said) == before + 1
    reader = SnapshotReader(tmp_path)
    manifest = reader.manifest(reader.versions()[-1])
    assert (manifest.log, sum(manifest.offsets.values())) == ("another", 1)
    assert manifest.examples == 5 * ROWS


@pytest.mark.parametrize("part", ["ranker.dense", "retriever.tables"])
def test_the_gate_holds_what_is_not_finite(trainers, part):
    progress = trainers.fresh().progress
    sound: dict[str, dict[str, np.ndarray]] = {
        part: {"a": np.ones(3, np.float32), "ids": np.ones(3, np.int64)}
    }
    assert Gate().objections(sound, progress, 10) == []
    broken = {part: {"a": np.array([1.0, np.nan], np.float32)}}
    assert Gate().objections(broken, progress, 10) == [f"{part}/a is not finite"]
