"""Snapshots: what goes out, what is gone on from, and that neither changes what is learnt."""

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from millstream.snapshots import Control, SnapshotReader, SnapshotWriter, write_control
from online_trainer.evaluation.baseline import FrozenBaseline
from online_trainer.snapshots.gate import Gate
from online_trainer.snapshots.resume import resume
from online_trainer.trainer import Trainer
from online_trainer.wiring import Wiring
from tests.support.examples import example_message
from tests.support.full_disk import full_disk
from tests.support.publishing import Publishing
from tests.support.training import differences
from tests.unit.online_trainer.conftest import SETTINGS

ROWS = 120
WIRING = Wiring(SETTINGS)


def consume(trainer: Trainer, numbers) -> None:
    for number in numbers:
        trainer.consume(example_message(number, ROWS), number)


def test_a_trainer_that_stops_and_goes_on_equals_one_that_never_stopped(trainers, tmp_path):
    straight = trainers.fresh()
    consume(straight, range(10))
    Publishing(trainers.fresh(), tmp_path).learn(range(7))  # full, delta, delta, full, ...
    again = trainers.restored(tmp_path)
    assert again.offsets.offset == 7
    consume(again, range(7, 10))
    assert differences(straight, again) == []
    assert again.offsets == straight.offsets


def test_a_second_restart_builds_on_the_first(trainers, tmp_path):
    straight = trainers.fresh()
    consume(straight, range(6))
    first = Publishing(trainers.fresh(), tmp_path)
    first.learn(range(2))
    again = trainers.restored(tmp_path)
    Publishing(again, tmp_path, first.publisher.lineage.base).learn(range(2, 4))
    once_more = trainers.restored(tmp_path)
    consume(once_more, range(4, 6))
    assert differences(straight, once_more) == []


def test_publishing_more_often_does_not_change_what_is_learnt(trainers, tmp_path):
    often, never = trainers.fresh(), trainers.fresh()
    Publishing(often, tmp_path).learn(range(5))
    consume(never, range(5))
    assert differences(often, never) == []


def test_the_first_snapshot_waits_for_its_examples_and_the_others_do_not(trainers, tmp_path):
    out = Publishing(trainers.fresh(), tmp_path, first_after=3 * ROWS)
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
    out = Publishing(trainers.fresh(), tmp_path, message_s=message_s, every_examples=every_examples)
    said = []
    for number in range(5):
        out.learn([number])
        said.append(len(out.said))
    assert said == expected


def test_the_examples_before_a_restart_do_not_count_for_the_next_snapshot(trainers, tmp_path):
    first = Publishing(trainers.fresh(), tmp_path)
    first.learn(range(3))
    again = Publishing(
        trainers.restored(tmp_path),
        tmp_path,
        first.publisher.lineage.base,
        message_s=0.0,
        every_examples=2 * ROWS,
    )
    again.learn([3])
    assert again.said == []
    again.learn([4])
    assert [each.version for each in again.said] == [4]


def test_a_held_snapshot_is_announced_as_held_and_nothing_builds_on_it(trainers, tmp_path):
    strict = Gate(max_normalised_entropy=0.0, after_examples=2 * ROWS)
    out = Publishing(trainers.fresh(), tmp_path, gate=strict)
    out.learn(range(3))
    assert [each.status for each in out.said] == ["published", "held", "held"]
    assert "normalised entropy" in out.said[1].reason
    reader = SnapshotReader(tmp_path)
    assert reader.latest() == 1
    assert [reader.manifest(version).is_held for version in (1, 2, 3)] == [False, True, True]
    assert "normalised entropy" in reader.manifest(2).held_because
    assert [reader.manifest(version).parent for version in (2, 3)] == [1, 1]
    assert trainers.restored(tmp_path).offsets.offset == 1


def test_a_corrupt_snapshot_is_passed_over(trainers, tmp_path, caplog):
    Publishing(trainers.fresh(), tmp_path).learn(range(2))
    file = SnapshotReader(tmp_path).directory(2) / "ranker.tables.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    assert trainers.restored(tmp_path).offsets.offset == 1
    assert "Snapshot 2 is passed over" in caplog.text


def test_a_full_disk_costs_a_snapshot_and_nothing_else(trainers, tmp_path, caplog):
    out = Publishing(trainers.fresh(), tmp_path)
    failures: list[int] = []
    out.publisher.on_failure = lambda: failures.append(1)
    out.learn([0])
    with full_disk():
        out.learn([1, 2])
    assert len(failures) == 2
    assert "Snapshot not written" in caplog.text
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    out.learn([3])
    assert SnapshotReader(tmp_path).versions() == [1, 2]
    straight = trainers.fresh()
    consume(straight, range(4))
    assert differences(straight, trainers.restored(tmp_path)) == []


def test_a_pointer_that_cannot_be_written_is_a_failure_that_ends_nothing(trainers, tmp_path):
    out = Publishing(trainers.fresh(), tmp_path)
    (tmp_path / "LATEST").mkdir()  # nothing can be renamed to it
    out.learn([0])
    assert (out.said, out.trainer.offsets.offset) == ([], 1)
    (tmp_path / "LATEST").rmdir()
    out.learn([1])
    assert [each.version for each in out.said] == [2]
    assert SnapshotReader(tmp_path).newest_sound() == 2


def deleted(folder: Path) -> None:
    shutil.rmtree(folder)


def truncated(folder: Path) -> None:
    file = folder / "ranker.tables.safetensors"
    file.write_bytes(file.read_bytes()[:-3])


def flipped(folder: Path) -> None:
    file = folder / "retriever.dense.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [deleted, truncated, flipped])
@pytest.mark.parametrize("which", [3, 2, 1])
def test_after_damage_to_what_a_delta_would_build_on_the_next_one_is_sound_and_of_a_new_number(
    trainers, tmp_path, damage, which
):
    out = Publishing(trainers.fresh(), tmp_path, full_every=10)
    out.learn(range(3))
    reader = SnapshotReader(tmp_path)
    damage(reader.directory(which))
    out.learn([3])
    assert reader.newest_sound() == reader.latest() == 4
    assert reader.manifest(4).kind == "full"
    out.learn([4])
    assert (reader.newest_sound(), reader.manifest(5).parent) == (5, 4)
    straight = trainers.fresh()
    consume(straight, range(5))
    assert differences(straight, trainers.restored(tmp_path)) == []


def test_a_trainer_that_is_killed_after_damage_goes_on_from_the_newest_sound_one(
    trainers, tmp_path
):
    Publishing(trainers.fresh(), tmp_path, full_every=10).learn(range(3))
    reader = SnapshotReader(tmp_path)
    truncated(reader.directory(3))
    again = trainers.fresh()
    base = resume(again, reader, WIRING)
    assert base is not None and base.version == 2
    out = Publishing(again, tmp_path, base, full_every=10)
    out.learn(range(2, 4))
    assert [(each.version, each.parent) for each in out.said] == [(4, 2), (5, 4)]
    assert reader.newest_sound() == 5


def test_a_number_is_not_given_twice_though_its_snapshots_are_gone(trainers, tmp_path):
    Publishing(trainers.fresh(), tmp_path).learn(range(3))
    for version in (2, 3):
        deleted(SnapshotReader(tmp_path).directory(version))
    again = trainers.fresh()
    base = resume(again, SnapshotReader(tmp_path), WIRING)
    out = Publishing(again, tmp_path, base)
    out.learn([1])
    assert [each.version for each in out.said] == [4]


def test_a_number_that_was_announced_is_not_given_though_the_folder_is_empty(trainers, tmp_path):
    out = Publishing(trainers.fresh(), tmp_path)
    out.publisher.lineage.announced = 41
    out.learn([0])
    assert [each.version for each in out.said] == [42]


def test_what_is_pinned_is_kept_with_what_it_is_read_with(trainers, tmp_path):
    out = Publishing(trainers.fresh(), tmp_path, full_every=2, kept=1)
    write_control(tmp_path, Control(number=1, action="pin", version=2))
    out.learn(range(7))
    reader = SnapshotReader(tmp_path)
    assert reader.versions() == [1, 2, 7]
    (tmp_path / "CONTROL").write_bytes(b"no command")
    out.learn([7])
    assert reader.versions() == [1, 2, 7, 8]
    write_control(tmp_path, Control(number=2))
    out.learn([8])
    assert reader.versions() == [9]


def test_a_snapshot_that_only_serving_can_read_is_passed_over(trainers, tmp_path, caplog):
    Publishing(trainers.fresh(), tmp_path).learn([0])
    reader = SnapshotReader(tmp_path)
    served = ("ranker.dense", "ranker.tables")
    parts = {name: reader.arrays(reader.manifest(1), name) for name in served}
    SnapshotWriter(tmp_path).write(msgspec.structs.replace(reader.manifest(1), version=2), parts)
    assert trainers.restored(tmp_path).offsets.offset == 1
    assert "Snapshot 2 is passed over: it lacks what training needs: v00000002/progress" in (
        caplog.text
    )


@pytest.mark.parametrize(
    ("ranker", "why"),
    [
        ({"name": "gone", "embedding_width": 4}, "MILLSTREAM_RANKER must be one of"),
        (None, "it does not name a model of each role"),
    ],
)
def test_a_snapshot_of_a_model_that_cannot_be_built_is_passed_over(
    trainers, tmp_path, caplog, ranker, why
):
    trainer = trainers.fresh()
    trainer.models = {**trainer.models, "ranker": ranker}
    if ranker is None:
        del trainer.models["ranker"]
    Publishing(trainer, tmp_path).learn([0])
    again = trainers.fresh()
    assert resume(again, SnapshotReader(tmp_path), WIRING) is None
    assert f"Snapshot 1 is passed over: {why}" in caplog.text
    assert again.offsets.offset == 0


def test_a_snapshot_that_names_no_inputs_is_gone_on_from_while_its_features_are_these(
    trainers, tmp_path, caplog, monkeypatch
):
    Publishing(trainers.fresh(), tmp_path).learn([0])
    path = tmp_path / "v00000001" / "manifest.json"
    manifest = SnapshotReader(tmp_path).manifest(1)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, inputs=())))
    assert trainers.restored(tmp_path).offsets.offset == 1
    monkeypatch.setattr("online_trainer.snapshots.resume.spec_hash", lambda: "changed")
    assert resume(trainers.fresh(), SnapshotReader(tmp_path), WIRING) is None
    assert "it does not name its inputs, and has other features" in caplog.text


def test_after_a_restart_the_snapshot_gone_on_from_is_told_again(trainers, tmp_path):
    first = Publishing(trainers.fresh(), tmp_path)
    first.learn(range(2))
    again = Publishing(trainers.restored(tmp_path), tmp_path, first.publisher.lineage.base)
    again.publisher.reannounce()
    assert [(each.version, each.status) for each in again.said] == [(2, "published")]


def test_where_the_pointer_names_another_it_is_not(trainers, tmp_path):
    first = Publishing(trainers.fresh(), tmp_path)
    first.learn(range(2))
    first.publisher.writer.point_latest(1)
    again = Publishing(trainers.restored(tmp_path), tmp_path, first.publisher.lineage.base)
    again.publisher.reannounce()
    assert again.said == []


def test_probes_are_told_until_a_snapshot_that_holds_them_is_out(trainers, tmp_path):
    trainer = trainers.fresh()
    strict = Gate(max_normalised_entropy=0.0, after_examples=2 * ROWS)
    out = Publishing(trainer, tmp_path, gate=strict)
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
    out.publisher.builder = replace(out.publisher.builder, gate=Gate())
    consume(trainer, [3])
    out.publish()
    assert [name for name, _ in reader.manifest(4).extra["probes"]] == ["event-242"]


def test_the_baseline_is_frozen_at_the_first_snapshot_and_survives_a_restart(trainers, tmp_path):
    trainer, other = trainers.fresh(), trainers.fresh()
    trainer.baseline = FrozenBaseline(other.ranker)
    first = Publishing(trainer, tmp_path)
    first.learn(range(3))
    compared = trainer.baseline.comparison
    assert (trainer.baseline.version, compared.rows) == (1, 2 * ROWS)
    frozen = [weight.numpy().copy() for weight in trainer.baseline.ranker.network.variables]

    again = trainers.fresh()
    again.baseline = FrozenBaseline(trainers.fresh().ranker)
    assert resume(again, SnapshotReader(tmp_path), WIRING) is not None
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
    out = Publishing(trainers.fresh(), tmp_path)
    out.learn(range(4))
    before, offsets = len(out.said), out.trainer.offsets
    offsets.begin("another", 0, is_other=True)
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
