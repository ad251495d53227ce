"""`millstream tune` from the command line; what trials do is tested where they are."""

import tomllib

import pytest
from click.testing import CliRunner

from millstream.cli.tune import toml, tune
from millstream.settings import settings
from simulation.tuning import LoopTrials


@pytest.fixture(autouse=True)
def fresh():
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_the_best_settings_of_a_log_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(LoopTrials, "value", lambda self, values, told: -values["batch_size"])
    log = tmp_path / "clicks.csv"
    log.write_text("user_id,item_id,event_time\nu,a,1\nu,b,2\n")
    out = tmp_path / "out"
    search = ["--search", "batch_size=16|32", "--search", "ranker_options.hidden=[8]|[4]"]
    arguments = ["loop", str(log), *search, "--trials", "6", "--k", "5", "--out", str(out)]
    done = CliRunner().invoke(tune, arguments, catch_exceptions=False)
    assert "The best of 6 trials reached NDCG@5 -16.0000" in done.output
    best = tomllib.loads((out / "best.toml").read_text())
    assert best["batch_size"] == 16 and best["ranker_options"]["hidden"] in ([8], [4])
    assert len((out / "trials.csv").read_text().splitlines()) == 7


def test_settings_as_toml_are_read_back():
    chosen = {
        "ranker": "lr",
        "batch_size": 8,
        "ranker_options": {"hidden": (8, 4), "low_rank": None},
    }
    chosen |= {"quoted": 'a "b"', "retriever_options": {}, "share": 0.25, "on": True}
    expected = {"ranker": "lr", "batch_size": 8, "ranker_options": {"hidden": [8, 4]}}
    assert tomllib.loads(toml(chosen)) == expected | {"quoted": 'a "b"', "share": 0.25, "on": True}
