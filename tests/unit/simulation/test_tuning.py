"""Trials of the loop: worth what the lists are worth, and told on the way."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from millstream.errors import ConfigurationError
from millstream.settings import Settings
from simulation.asking import questions
from simulation.backtest import Backtest
from simulation.cadence import Cadence
from simulation.judging import NOT_FOUND, gains
from simulation.log import first_seen, hour_of
from simulation.outcome import LOOP, Outcome
from simulation.plan import BacktestPlan
from simulation.tuning import MOMENTS, LoopTrials, Moments, known_settings, nested
from tests.support.small_log import small_log

SETTINGS = Settings(
    ranker="lr", retriever_options={"hidden": [8]}, embedding_width=4, batch_size=32
)


def test_a_trial_is_worth_the_mean_gain_of_the_backtest_with_its_settings(tmp_path):
    log = small_log()
    asked = questions(log, "session-last")
    plan = BacktestPlan(log, hour_of(log), asked, first_seen(log), Cadence(60.0), k=5)
    (tmp_path / "own").mkdir()
    own = SETTINGS.model_copy(update={"ranker_loss": "pointwise"})
    ranks = asyncio.run(Backtest(plan, own, tmp_path / "own").run()).rank_array(LOOP)
    trials = LoopTrials(plan, SETTINGS, tmp_path)
    value = trials.value({"ranker_loss": "pointwise"}, lambda step, reached: None)
    assert value == pytest.approx(gains(ranks, 5).mean()) and trials.measure == "NDCG@5"
    assert [path.name for path in tmp_path.iterdir()] == ["own"]  # a trial leaves nothing


def test_quality_is_told_once_a_moment():
    log = small_log()
    plan = BacktestPlan(log, hour_of(log), np.ones(len(log), np.bool_), k=5)
    told, outcome = [], Outcome()
    moments = Moments(LoopTrials(plan, SETTINGS, Path()), outcome, lambda *m: told.append(m))
    for place in range(len(log)):
        outcome.places.append(place)
        outcome.answered(LOOP, 0 if place < len(log) // 2 else NOT_FOUND)
        moments.look()
        moments.look()
    assert [step for step, _ in told] == list(range(MOMENTS - 1))
    assert told[0][1] == 1.0 and told[-1][1] == pytest.approx(0.5 / (1 - 1 / MOMENTS))


def test_options_go_to_the_model_that_has_them():
    values = {"ranker": "deepfm", "ranker_options.hidden": (8,), "ranker_options.low_rank": 2}
    settings = Settings(ranker_options={"dropout": 0.5})
    found = nested(settings, {**values, "batch_size": 64})
    assert found == {
        "ranker": "deepfm",
        "batch_size": 64,
        "ranker_options": {"dropout": 0.5, "hidden": (8,)},
    }
    assert nested(settings, {"ranker": "lr", "ranker_options.hidden": (8,)}) == {"ranker": "lr"}


def test_settings_and_options_of_the_models_may_vary():
    known = known_settings(SETTINGS, ["deepfm"])
    assert known["batch_size"] == 256 and "ranker_options" not in known
    assert {"ranker_options.hidden", "retriever_options.hidden"} <= known.keys()
    with pytest.raises(ConfigurationError, match="no_such"):
        known_settings(SETTINGS, ["no_such"])
