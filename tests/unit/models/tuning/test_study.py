"""Studies: they find what is planted, prune what lags behind, and go on where they were."""

import csv

import pytest

from millstream.errors import ConfigurationError
from models.tuning.space import Choice, Range
from models.tuning.study import STARTUP_TRIALS, Study

SPACE = {"x": Range(0.0, 1.0), "kind": Choice(("a", "b"), ((1,), (2, 2)))}


def hill(values, told):
    """Highest at x = 0.7 with the kind of two numbers."""
    return -((values["x"] - 0.7) ** 2) - (0.0 if len(values["kind"]) == 2 else 0.5)


def study(folder, purpose="p", space=SPACE):
    return Study(folder, space, purpose, "height", seed=1)


def test_the_planted_optimum_is_found_and_written(tmp_path):
    search = study(tmp_path)
    search.run(hill, trials=16)
    best, reached = search.best()
    assert best["kind"] == (2, 2) and abs(best["x"] - 0.7) < 0.15
    assert reached == hill(best, None)
    search.write()
    with (tmp_path / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    heights = [float(row["height"]) for row in rows]
    assert len(rows) == 16 and heights == sorted(heights, reverse=True)


def test_a_search_goes_on_where_it_was(tmp_path):
    seen = []

    def objective(values, told):
        seen.append(values["x"])
        if len(seen) == 4:
            raise KeyboardInterrupt
        return hill(values, told)

    with pytest.raises(KeyboardInterrupt):
        study(tmp_path).run(objective, trials=8)
    again = study(tmp_path)
    assert again.finished == 4  # the one that was cut short is known to have failed
    again.run(objective, trials=8)
    assert again.finished == 8 and len(seen) == len(set(seen)) == 8
    again.run(objective, trials=8)
    assert len(seen) == 8  # nothing is left to do


def test_what_lags_behind_is_pruned(tmp_path):
    steps = []

    def objective(values, told):
        done = len(steps)
        steps.append(0)
        for step in range(10):
            told(step, 1.0 if done < STARTUP_TRIALS else 0.0)
            steps[-1] += 1
        return 1.0

    study(tmp_path).run(objective, trials=STARTUP_TRIALS + 2)
    assert steps == [10] * STARTUP_TRIALS + [0, 0]


def test_a_trial_that_cannot_work_does_not_end_the_search(tmp_path):
    def objective(values, told):
        if values["kind"] == (1,):
            raise ConfigurationError("no such network")
        return 1.0

    search = study(tmp_path)
    search.run(objective, trials=6)
    assert search.finished == 6 and search.best()[0]["kind"] == (2, 2)


def test_a_search_in_which_nothing_worked_says_so(tmp_path):
    def objective(values, told):
        raise ConfigurationError("no")

    search = study(tmp_path)
    search.run(objective, trials=2)
    with pytest.raises(ConfigurationError, match="one trial that works"):
        search.best()


@pytest.mark.parametrize(
    ("purpose", "space"), [("another", SPACE), ("p", {"x": Range(0.0, 2.0), "kind": SPACE["kind"]})]
)
def test_a_folder_holds_one_search(tmp_path, purpose, space):
    study(tmp_path)
    with pytest.raises(ConfigurationError, match="holds another search"):
        study(tmp_path, purpose, space)
