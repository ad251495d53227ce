"""The file of results: appended, found again, and sound after a crash."""

import pytest

from millstream.errors import DatasetError
from models.evaluation.results import Result, Results


def result(seed=0, **others):
    key = {"model": "lr", "seed": seed, "options": {"hidden": (4, 2)}}
    return Result(key, {"auc": 0.75, "gauc": None}, 3, 1.5, 100.0, **others)


def test_a_finished_run_is_found_by_everything_that_decides_it(tmp_path):
    Results(tmp_path).add(result())
    found = Results(tmp_path).find({"options": {"hidden": [4, 2]}, "seed": 0, "model": "lr"})
    assert found is not None
    assert (found.metrics, found.model) == ({"auc": 0.75, "gauc": None}, "lr")
    assert Results(tmp_path).find(result(seed=1).key) is None


def test_a_line_that_a_crash_cut_short_is_no_run_and_harms_no_other(tmp_path):
    kept = Results(tmp_path)
    kept.add(result(0))
    kept.add(result(1))
    kept.path.write_bytes(kept.path.read_bytes()[:-9])
    again = Results(tmp_path)
    assert again.find(result(0).key) is not None
    assert again.find(result(1).key) is None
    again.add(result(1))
    assert Results(tmp_path).find(result(1).key) is not None


def test_results_of_another_kind_are_refused(tmp_path):
    (tmp_path / "runs.jsonl").write_text('{"epochs": 3}\n')
    with pytest.raises(DatasetError, match=r"runs.jsonl holds a line of another kind: .*key"):
        Results(tmp_path)
