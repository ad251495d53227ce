"""The loop on a small log: the same every time, asked before it is told, at the set cadence."""

import hashlib
from math import inf
from typing import Any

import numpy as np
import pytest

from features.spec import USER_STATS
from millstream.settings import Settings
from models.weights import weight_arrays
from simulation.asking import questions
from simulation.backtest import Backtest, Plan
from simulation.baselines.catalogue import baselines
from simulation.cadence import Cadence, seconds, snapshot_seconds
from simulation.clock import SimulatedClock
from simulation.log import first_seen, hour_of
from simulation.outcome import LOOP
from tests.support.small_log import small_log

SETTINGS = Settings(
    ranker_options={"hidden": [8]}, retriever_options={"hidden": [8]}, embedding_width=4
)


def plan_of(log: Any, cadence: Cadence | None = None, **given: Any) -> Plan:
    asked = questions(log, "session-last")
    return Plan(log, hour_of(log), asked, first_seen(log), cadence or Cadence(), k=5, **given)


async def ran(plan: Plan, folder: Any, **given: Any) -> Backtest:
    backtest = Backtest(plan, SETTINGS, folder, **given)
    await backtest.run()
    return backtest


def weights(backtest: Backtest) -> str:
    digest = hashlib.sha256()
    for learner in backtest.loop.learning.trainer.learners.values():
        for name, array in sorted(weight_arrays(learner.network).items()):
            digest.update(name.encode() + array.tobytes())
    return digest.hexdigest()


async def test_two_runs_give_the_same_lists_features_and_weights(tmp_path):
    log = small_log()
    one, two = [await ran(plan_of(log), tmp_path / name) for name in ("one", "two")]
    assert one.outcome.digest() == two.outcome.digest()
    assert one.loop.store.hashes == two.loop.store.hashes and one.loop.store.hashes
    assert one.loop.store.users == two.loop.store.users
    assert weights(one) == weights(two)
    assert {reason for reason in one.outcome.degraded} == {""}


async def test_asking_changes_nothing_of_what_is_learnt(tmp_path):
    log = small_log()
    asked = plan_of(log, Cadence(snapshot_s=inf))
    silent = Plan(log, asked.hours, np.zeros(len(log), np.bool_), asked.upserts, asked.cadence)
    one, two = await ran(asked, tmp_path / "one"), await ran(silent, tmp_path / "two")
    assert weights(one) == weights(two) and one.loop.store.hashes == two.loop.store.hashes


async def test_features_are_the_same_however_the_stream_cuts_its_batches(tmp_path):
    log = small_log()
    silent = np.zeros(len(log), np.bool_)
    runs = [
        await ran(
            Plan(log, hour_of(log), silent, first_seen(log), Cadence(batch_s)),
            tmp_path / str(batch_s),
        )
        for batch_s in (5.0, 60.0)
    ]
    assert runs[0].loop.store.hashes == runs[1].loop.store.hashes


async def test_no_answer_knows_what_it_is_asked(tmp_path):
    """Every item comes once: who asks after telling would find it, who asks before cannot."""
    log = small_log(events=40)
    once = log.take(np.sort(np.unique(log.items, return_index=True)[1]))
    plan = Plan(once, hour_of(once), np.ones(len(once), np.bool_), first_seen(once), k=50)
    others = baselines(["all"], len(once.item_ids))
    outcome = (await ran(plan, tmp_path, baselines=others)).outcome
    assert set(outcome.ranks) == {LOOP, *(other.name for other in others)}
    assert all((outcome.rank_array(name) == -1).all() for name in outcome.ranks)
    assert not any(outcome.known_item)


async def test_what_a_session_has_met_is_in_the_features_when_it_is_asked(tmp_path):
    log = small_log()
    backtest = await ran(plan_of(log), tmp_path)
    row = backtest.loop.store.row([USER_STATS], log.user_ids[log.users[-1]])
    assert log.item_ids[log.items[-1]] in row["user_recent_items"]


@pytest.mark.parametrize(
    ("snapshot_s", "versions"), [(inf, 1), (1_000.0, 3), (0.0, 10)], ids=["never", "1000s", "batch"]
)
async def test_snapshots_go_out_at_the_set_cadence(tmp_path, snapshot_s, versions):
    """The log is 3,000 s; one snapshot goes out when asking begins."""
    backtest = await ran(plan_of(small_log(), Cadence(60.0, snapshot_s)), tmp_path)
    served = backtest.loop.answering.models.current.version
    if snapshot_s == 0.0:
        assert served >= versions
    else:
        assert versions <= served <= versions + 1 - (snapshot_s == inf)


async def test_late_features_are_seen_late(tmp_path):
    log = small_log()
    plan = plan_of(log, Cadence(feature_delay_s=10_000.0))
    backtest = Backtest(plan, SETTINGS, tmp_path)
    ticks = []
    tick = backtest.loop.tick
    backtest.loop.tick = lambda now_s: (ticks.append(now_s), tick(now_s))[1]
    outcome = await backtest.run()
    assert min(ticks) >= log.times[0] + 10_000.0
    assert {reason for reason in outcome.degraded} == {"model"}


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
