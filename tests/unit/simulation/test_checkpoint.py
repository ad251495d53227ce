"""Checkpoints: whole or not there, of the same run alone, and gone in the end."""

import pickle
from pathlib import Path

import pytest

from millstream.errors import ConfigurationError
from simulation.checkpoint import Checkpoints


def saved(folder: Path, value: int, run: str = "a run") -> Checkpoints:
    made = Checkpoints(folder, run)
    made.begin(goes_on=False)
    (made.work / "snapshots" / "v1").mkdir(parents=True)
    (made.work / "snapshots" / "v1" / "weights").write_text(f"weights {value}")
    made.save(lambda to: pickle.dump(value, to))
    return made


def test_a_checkpoint_brings_back_what_was_written_and_its_snapshots(tmp_path):
    first = saved(tmp_path, 7)
    (first.work / "snapshots" / "v2").mkdir()  # written after it: not of it
    again = Checkpoints(tmp_path, "a run")
    assert again.begin(goes_on=True) and again.read(pickle.load) == 7
    assert (again.work / "snapshots" / "v1" / "weights").read_text() == "weights 7"
    assert not (again.work / "snapshots" / "v2").exists()
    again.remove()
    assert not tmp_path.exists()


def test_one_that_is_being_written_never_takes_the_place_of_a_whole_one(tmp_path):
    def dies(to: object) -> None:
        raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        saved(tmp_path, 1).save(dies)
    again = Checkpoints(tmp_path, "a run")
    assert again.begin(goes_on=True) and again.read(pickle.load) == 1


def test_a_kill_between_the_renames_leaves_the_one_before(tmp_path):
    saved(tmp_path, 1)
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.old")
    again = Checkpoints(tmp_path, "a run")
    assert again.begin(goes_on=True) and again.read(pickle.load) == 1


def test_another_run_is_refused_and_a_new_one_begins_anew(tmp_path):
    saved(tmp_path, 1)
    with pytest.raises(ConfigurationError, match="goes on with the same log, settings and options"):
        Checkpoints(tmp_path, "another run").begin(goes_on=True)
    assert not Checkpoints(tmp_path, "another run").begin(goes_on=False)
    assert not Checkpoints(tmp_path, "a run").begin(goes_on=True)


def test_it_is_due_by_the_machines_time(tmp_path):
    times = iter([0.0, 59.0, 61.0])
    made = Checkpoints(tmp_path, "a run", now=lambda: next(times))
    assert [made.is_due(), made.is_due()] == [False, True]
