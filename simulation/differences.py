"""Comparisons: the loop with baselines, with other settings, and with lists that were logged."""

from itertools import combinations

import numpy as np

from simulation.compare import paired
from simulation.impressions import decisions_of, target_of
from simulation.judging import gains, hits
from simulation.off_policy.estimators import LOGGED
from simulation.off_policy.intervals import with_intervals
from simulation.outcome import LOOP, Judged, Outcome
from simulation.plan import BacktestPlan


def differences(plan: BacktestPlan, outcome: Outcome) -> dict[str, dict[str, float]]:
    """NDCG of the loop less that of everyone else, with a 95 % interval over users."""
    if LOOP not in outcome.ranks:
        return {}
    users, own = plan.log.users[outcome.places], gains(outcome.rank_array(LOOP), plan.k)
    return {
        name: paired(own, gains(outcome.rank_array(name), plan.k), users)._asdict()
        for name in outcome.ranks
        if name != LOOP
    }


def comparisons(plan: BacktestPlan, outcome: Outcome) -> dict[str, dict[str, float]]:
    """Each pair of variants: the first less the second in NDCG and HR, with 95 % intervals."""
    users, k = plan.log.users[outcome.places], plan.k
    names = [name for name in (LOOP, *outcome.variants) if outcome.ranks.get(name)]
    found = {}
    for one, other in combinations(names, 2):
        row: dict[str, float] = {}
        ranks, others = outcome.rank_array(one), outcome.rank_array(other)
        for measure, values in (("NDCG", gains), ("HR", hits)):
            between = paired(values(ranks, k), values(others, k), users)
            row |= {
                f"{measure}@{k}": between.mean,
                f"{measure} low": between.low,
                f"{measure} high": between.high,
            }
        found[f"{_short(one)} less {_short(other)}"] = row
    return found


def _short(name: str) -> str:
    return name.removeprefix(f"{LOOP}, ")


def off_policy(plan: BacktestPlan, outcome: Outcome) -> dict[str, dict[str, dict[str, float]]]:
    """By variant, what each estimator says that a place of its lists would earn; see `judged`."""
    all_of = {LOOP: outcome, **outcome.variants}
    return {name: _estimates(plan, own.judged) for name, own in all_of.items() if own.judged}


def _estimates(plan: BacktestPlan, lists: list[Judged]) -> dict[str, dict[str, float]]:
    users = [plan.impressions[each.impression].user_id for each in lists]
    decisions, target = decisions_of(lists, users, len(plan.log.item_ids)), target_of(lists)
    weight = target.probability(decisions.places, decisions.actions) / decisions.propensities
    size = weight.sum() ** 2 / max(np.sum(weight**2), np.finfo(np.float64).tiny)
    return {
        name: {
            "reward": each.value,
            "low": each.low,
            "high": each.high,
            "effective places": float(len(decisions) if name == LOGGED else size),
        }
        for name, each in with_intervals(decisions, target).items()
    }
