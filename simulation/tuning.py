"""Trials of the whole loop on a log: settings, measured by the lists that people get."""

import asyncio
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from millstream.settings import Settings
from models.catalogue import find
from models.tuning.study import Told
from simulation.backtest import Backtest
from simulation.command import fingerprint
from simulation.judging import gains, mean_over
from simulation.outcome import LOOP, Outcome
from simulation.plan import BacktestPlan
from simulation.variants import changed

# A trial is compared with the others at so many moments, equally far apart in its questions.
MOMENTS = 20
# Settings that hold the options of a model, searched as `ranker_options.NAME`, and of which.
GROUPS = {"ranker_options": "ranker", "retriever_options": "retriever"}


@dataclass(frozen=True)
class LoopTrials:
    """What a trial of the loop does.

    Args:
        plan: the log and its questions: the same for every trial.
        settings: what a trial leaves open.
        folder: for what a trial writes.
    """

    plan: BacktestPlan
    settings: Settings
    folder: Path

    @property
    def measure(self) -> str:
        return f"NDCG@{self.plan.k}"

    @property
    def purpose(self) -> str:
        """What decides a trial's value, beside what varies."""
        return fingerprint(self.plan, self.settings, ())

    def value(self, values: Mapping[str, Any], told: Told) -> float:
        """NDCG of the lists: the mean of the hours' means."""
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            own = changed(self.settings, nested(self.settings, values))
            # The backtest needs to be told whom to tell, who needs the backtest.
            backtest = Backtest(self.plan, own, Path(work), progress=lambda _: moments.look())
            moments = Moments(self, backtest.outcome, told)
            try:
                asyncio.run(backtest.run())
            finally:
                if backtest.loop is not None:
                    backtest.loop.close()
                keras.backend.clear_session()
        return self.quality(backtest.outcome)

    def quality(self, outcome: Outcome) -> float:
        """NDCG of the questions that were asked so far; 0 where none was."""
        ranks = outcome.rank_array(LOOP)
        if not len(ranks):
            return 0.0
        return mean_over(gains(ranks, self.plan.k), np.floor(self.plan.hours[outcome.places]))


class Moments:
    """Tells the quality of the lists so far, each time that a part of the questions was asked.

    Args:
        outcome: of the trial, which grows.
    """

    def __init__(self, trials: LoopTrials, outcome: Outcome, told: Told) -> None:
        self._trials, self._outcome, self._told = trials, outcome, told
        self._questions = max(1, int(np.count_nonzero(trials.plan.asked)))
        self._moment = 0

    def look(self) -> None:
        """Tell the moment, if it is a later one."""
        moment = MOMENTS * len(self._outcome.places) // self._questions
        if self._moment < moment < MOMENTS:
            self._moment = moment
            self._told(moment - 1, self._trials.quality(self._outcome))


def known_settings(settings: Settings, models: Iterable[str] = ()) -> dict[str, Any]:
    """Names that may vary, with a value of the kind that each takes.

    Args:
        models: further rankers and retrievers whose options may vary.
    """
    fields = type(settings).model_fields
    known = {name: each.get_default(call_default_factory=True) for name, each in fields.items()}
    for group, role in GROUPS.items():
        del known[group]
        for model in (getattr(settings, role), *models):
            options = find(model).defaults().items()
            known.update({f"{group}.{option}": value for option, value in options})
    return known


def nested(settings: Settings, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by setting: `ranker_options.hidden` is one entry of `ranker_options`.

    An option that the chosen model does not have is left out.

    Args:
        settings: whose other entries are kept.
    """
    found: dict[str, Any] = {name: value for name, value in values.items() if "." not in name}
    for group, role in GROUPS.items():
        has = find(found.get(role, getattr(settings, role))).defaults()
        options = {
            name.partition(".")[2]: v for name, v in values.items() if name.startswith(f"{group}.")
        }
        if options := {name: value for name, value in options.items() if name in has}:
            found[group] = {**getattr(settings, group), **options}
    return found
