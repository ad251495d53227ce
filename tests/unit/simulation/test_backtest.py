"""The loop on a small log: the same every time, asked before it is told, at the set cadence."""

import asyncio
import hashlib
import itertools
import json
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest

from features.interner import CATEGORIES, ITEMS, Interner
from features.spec import USER_STATS
from millstream.events import Impression, ShownItem
from millstream.settings import Settings
from millstream.topics import IMPRESSIONS
from models.weights import weight_arrays
from simulation import report
from simulation.asking import questions
from simulation.backtest import Backtest
from simulation.baselines.catalogue import baselines
from simulation.cadence import Cadence, seconds, snapshot_seconds
from simulation.checkpoint import Checkpoints
from simulation.clock import SimulatedClock
from simulation.log import first_seen, hour_of
from simulation.outcome import LOOP
from simulation.plan import BacktestPlan
from tests.support.small_log import small_log

SETTINGS = Settings(
    ranker_options={"hidden": [8]}, retriever_options={"hidden": [8]}, embedding_width=4
)


def plan_of(log: Any, cadence: Cadence | None = None, **given: Any) -> BacktestPlan:
    asked = questions(log, "session-last")
    return BacktestPlan(
        log, hour_of(log), asked, first_seen(log), cadence or Cadence(30.0), k=5, **given
    )


async def ran(plan: BacktestPlan, folder: Any, **given: Any) -> Backtest:
    backtest = Backtest(plan, SETTINGS, folder, **given)
    await backtest.run()
    return backtest


def shown_list(log: Any, place: int) -> Impression:
    """The item at `place`, and the one that comes last, shown a second before."""
    items = [log.item_ids[log.items[at]] for at in (place, (place - 1) % len(log))]
    return Impression(
        event_id=f"shown-{place}",
        event_time=float(log.times[place]) - 1.0,
        request_id=f"shown-{place}",
        user_id=log.user_ids[log.users[place]],
        items=[
            ShownItem(item_id=item, position=at, score=0.0, propensity=0.5)
            for at, item in enumerate(items)
        ],
    )


class Killed(BaseException):
    pass


async def killed_and_resumed(plan: BacktestPlan, folder: Any) -> Backtest:
    """A run that ends after four fifths of the log; a fresh one goes on from its checkpoint."""
    asked_the_time = itertools.count()

    def clock() -> float:
        if (number := next(asked_the_time)) == 66:
            raise Killed
        return 1_000.0 if number > 53 else 0.0

    dying = Checkpoints(folder, "a run", every_s=500.0, now=clock)
    assert not dying.begin(goes_on=True)  # there is nothing to go on from
    with pytest.raises(Killed):
        await ran(plan, dying.work, checkpoints=dying)
    for interner in (ITEMS, CATEGORIES):  # another process has given no numbers yet
        vars(interner).update(vars(Interner()))
    again = Checkpoints(folder, "a run")
    assert again.begin(goes_on=True)
    resumed = Backtest(plan, SETTINGS, again.work, checkpoints=again)
    await resumed.run(goes_on=True)
    return resumed


@pytest.fixture(scope="module")
def runs(tmp_path_factory: Any) -> dict[str, Backtest]:
    """A loop takes seconds to build: each test looks at some of these."""
    log = small_log()
    silent = np.zeros(len(log), np.bool_)
    plans = {
        "one": plan_of(log),
        "silent, never a snapshot": replace(
            plan_of(log, Cadence(30.0, snapshot_s=inf)), asked=silent
        ),
        "once a minute, a snapshot each": plan_of(log, Cadence(60.0, 0.0)),
        "late": plan_of(log, Cadence(30.0, feature_delay_s=10_000.0)),
        "told what was met": plan_of(log, Cadence(30.0, feature_delay_s=100.0), recent_items=9),
    }
    folders = {name: tmp_path_factory.mktemp("run") for name in (*plans, "resumed")}
    found = {name: asyncio.run(ran(plan, folders[name])) for name, plan in plans.items()}
    resumed = killed_and_resumed(plan_of(log), folders["resumed"])
    return {**found, "resumed": asyncio.run(resumed)}


def weights(backtest: Backtest) -> str:
    digest = hashlib.sha256()
    for learner in backtest.loop.learning.trainer.learners.values():
        for name, array in sorted(weight_arrays(learner.network).items()):
            digest.update(name.encode() + array.tobytes())
    return digest.hexdigest()


def test_a_run_and_one_that_was_killed_give_the_same_lists_features_and_weights(runs):
    one, two = runs["one"], runs["resumed"]
    assert one.outcome.ranks == two.outcome.ranks and one.outcome.stages == two.outcome.stages
    assert one.outcome.places == two.outcome.places
    assert one.outcome.digest() == two.outcome.digest()
    assert one.loop.store.hashes == two.loop.store.hashes and one.loop.store.hashes
    assert one.loop.store.users == two.loop.store.users
    assert weights(one) == weights(two)
    assert "model" not in one.outcome.degraded[-20:]  # the first have nothing to learn from


def test_neither_asking_nor_snapshots_change_what_is_learnt(runs):
    one, two = runs["one"], runs["silent, never a snapshot"]
    assert weights(one) == weights(two) and one.loop.store.hashes == two.loop.store.hashes
    assert two.loop.answering.models.current is None and not two.outcome.places


def test_features_are_the_same_however_the_stream_cuts_its_batches(runs):
    one, coarse = runs["one"], runs["once a minute, a snapshot each"]
    assert one.loop.store.hashes == coarse.loop.store.hashes
    assert one.outcome.digest() != coarse.outcome.digest()  # what lists know is older


def test_snapshots_go_out_at_the_set_cadence(runs):
    """The log is ten minutes; one more goes out when asking begins."""
    assert runs["one"].loop.answering.models.current.version in (2, 3)
    assert runs["once a minute, a snapshot each"].loop.answering.models.current.version >= 9


def test_late_features_are_seen_late(runs):
    assert set(runs["late"].outcome.degraded) == {"model"}  # nothing was there to learn from
    assert runs["late"].loop.store.hashes == runs["one"].loop.store.hashes  # in the end all is


def test_what_a_question_says_was_met_is_not_shown_however_late_the_stream_is(runs):
    told = runs["told what was met"]
    log, asked = told.plan.log, list(zip(told.outcome.places, told.outcome.lists, strict=True))
    for place, listed in asked[len(asked) // 2 :]:  # by then there are enough others
        (met,) = log.items[:place][log.sessions[:place] == log.sessions[place]]
        assert len(listed) == told.plan.k and met not in listed


def test_what_a_session_has_met_is_in_the_features(runs):
    log = runs["one"].plan.log
    row = runs["one"].loop.store.row([USER_STATS], log.user_ids[log.users[-1]])
    assert log.item_ids[log.items[-1]] == row["user_recent_items"][0]


def test_a_report_holds_every_figure(runs, tmp_path, capsys):
    one = runs["one"]
    found = report.write(one.plan, one.outcome, 1.0, tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["digest"] == one.outcome.digest()
    answers = (tmp_path / "answers.csv").read_text().splitlines()
    assert len(answers) == 1 + found["questions"] == 1 + int(one.plan.asked.sum())
    assert found["sources"]["union"]["recall@500"] <= 1.0 and found["quality"][LOOP]["HR@5"] >= 0.0
    assert "millstream" in capsys.readouterr().out
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 2 and one.outcome.digest() in page


async def test_no_answer_knows_what_it_is_asked(tmp_path):
    """Every item comes once: who asks after telling would find it, who asks before cannot."""
    log = small_log(events=20)
    once = log.take(np.sort(np.unique(log.items, return_index=True)[1]))
    shown = [shown_list(once, place) for place in (0, len(once) - 1)]
    plan = BacktestPlan(
        once,
        hour_of(once),
        np.ones(len(once), np.bool_),
        first_seen(once),
        Cadence(30.0),
        k=50,
        impressions=shown,
        rewards={("shown-0", once.item_ids[once.items[0]]): 1.0},
    )
    others = baselines(["all"], len(once.item_ids))
    backtest = await ran(plan, tmp_path, baselines=others)
    outcome = backtest.outcome
    assert set(outcome.ranks) == {LOOP, *(other.name for other in others)}
    assert all((outcome.rank_array(name) == -1).all() for name in outcome.ranks)
    assert not any(outcome.known_item)
    # Logged lists are judged by what was known at their time, and told afterwards.
    early, late = outcome.judged
    assert early.best.tolist() == [-1, -1] and early.rewards.tolist() == [1.0, 0.0]
    assert (late.best >= 0).all()
    told = backtest.loop.broker._offsets.items()
    assert sum(count for (topic, _), count in told if topic == IMPRESSIONS.name) == len(shown)


async def test_the_baselines_run_alone(tmp_path):
    log = small_log()
    others = baselines(["co-occurrence", "chance"], len(log.item_ids))
    outcome = (await ran(plan_of(log), tmp_path, baselines=others, with_loop=False)).outcome
    assert (outcome.rank_array("co-occurrence") == 0).mean() > 0.8  # the planted partner
    assert (outcome.rank_array("chance") == 0).mean() < 0.3
    assert not outcome.lists


def test_spans_and_clocks_say_what_they_refuse():
    assert snapshot_seconds("never") == inf and seconds("1.5h") == 5_400.0
    with pytest.raises(ValueError, match="such as 30s, 5m, 24h or 7d. Received: 'soon'"):
        snapshot_seconds("soon")
    clock = SimulatedClock(5.0)
    with pytest.raises(ValueError, match=r"at least 5.0. Received: 4.0"):
        clock.set(4.0)
