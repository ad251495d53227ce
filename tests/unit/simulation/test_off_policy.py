"""Off-policy estimates: laws, a planted logging policy, and a slow version."""

import numpy as np
import pytest

from simulation.off_policy.decisions import ByPlace, Decisions, Greedy
from simulation.off_policy.estimators import (
    DM,
    DR,
    IPS,
    LOGGED,
    SNIPS,
    SWITCH_DR,
    Terms,
    estimates,
    switch_threshold,
    terms,
)
from simulation.off_policy.intervals import resampled, with_intervals
from simulation.off_policy.reward_model import factor_variance, fitted

# Two places, three actions: what the loggers did, what the target would do, what is earned.
LOGGER = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
TARGET = np.array([[0.1, 0.2, 0.7], [0.5, 0.4, 0.1]])
REWARD = np.array([[0.1, 0.3, 0.8], [0.2, 0.6, 0.1]])
ALL = (IPS, SNIPS, DM, DR, SWITCH_DR)


def planted(count: int, seed: int) -> Decisions:
    rng = np.random.default_rng(seed)
    places = rng.integers(2, size=count)
    actions = (rng.random((count, 1)) > LOGGER.cumsum(axis=1)[places]).sum(axis=1)
    rewards = (rng.random(count) < REWARD[places, actions]).astype(float)
    return Decisions(places, actions, rewards, LOGGER[places, actions], np.arange(count), count=3)


def test_ips_and_dr_are_unbiased_whatever_the_model_says_and_snips_nearly_so():
    truth = (TARGET * REWARD).sum(axis=1).mean()
    runs = [estimates(planted(400, seed), ByPlace(TARGET)) for seed in range(120)]
    for name, within in ((IPS, 3.0), (DR, 3.0), (SNIPS, 5.0)):
        found = np.array([run[name] for run in runs])
        error = found.std() / np.sqrt(len(found))
        assert abs(found.mean() - truth) < within * error, name
    logged = np.mean([run[LOGGED] for run in runs])
    assert logged == pytest.approx((LOGGER * REWARD).sum(axis=1).mean(), abs=0.01)
    assert abs(logged - truth) > 0.1  # the planted policies differ


def test_the_policy_that_logged_earns_what_was_earned():
    decisions = planted(500, 1)
    found = estimates(decisions, ByPlace(LOGGER))
    assert found[IPS] == pytest.approx(decisions.rewards.mean())
    assert found[SNIPS] == pytest.approx(decisions.rewards.mean())
    assert found[LOGGED] == pytest.approx(decisions.rewards.mean())


def test_estimates_are_those_of_loops_over_decisions():
    decisions, target = planted(60, 2), ByPlace(TARGET)
    found, n = estimates(decisions, target), len(decisions)
    of = terms(decisions, target, np.ones(n))
    limit, whole = switch_threshold(of, np.ones(n)), fitted(decisions, np.ones(n))
    sums = dict.fromkeys(ALL, 0.0)
    weights = 0.0
    for i in range(n):
        place, action, reward = decisions.places[i], decisions.actions[i], decisions.rewards[i]
        fold = [j for j in range(n) if j % 3 != i % 3]
        model = fitted(decisions, np.isin(np.arange(n), fold).astype(float))
        q = [model.rates[place] * model.factors[a] for a in range(3)]
        value = sum(TARGET[place, a] * q[a] for a in range(3))
        weight = TARGET[place, action] / LOGGER[place, action]
        weights += weight
        sums[IPS] += weight * reward
        sums[SNIPS] += weight * reward
        sums[DM] += sum(TARGET[place, a] * whole.rates[place] * whole.factors[a] for a in range(3))
        sums[DR] += value + weight * (reward - q[action])
        sums[SWITCH_DR] += value + (weight * (reward - q[action]) if weight <= limit else 0.0)
    for name in ALL:
        assert found[name] == pytest.approx(sums[name] / (weights if name == SNIPS else n)), name


def test_a_policy_of_one_action_is_a_table_of_one_and_zeros():
    decisions = planted(200, 3)
    best = np.array([2, 1])[decisions.places]
    table = np.zeros((2, 3))
    table[[0, 1], [2, 1]] = 1.0
    assert estimates(decisions, Greedy(best)) == pytest.approx(estimates(decisions, ByPlace(table)))
    nothing = estimates(decisions, Greedy(np.full(200, -1)))
    assert all(nothing[name] == 0.0 for name in ALL)


def test_the_switch_trusts_the_model_only_where_weights_are_wild():
    row = np.arange(1_000)
    weight = np.where(row % 100 == 0, 90.0, 0.1)
    noise = (-1.0) ** (row // 100 + row)  # 0 in the mean, of the heavy ones too
    wild = Terms(noise, weight, *np.zeros((3, 1_000)))
    assert switch_threshold(wild, np.ones(1_000)) == 0.1
    wrong = Terms(noise + 5.0, weight, *np.zeros((3, 1_000)))  # the model errs by 5
    assert switch_threshold(wrong, np.ones(1_000)) == 90.0


def test_actions_are_told_apart_as_far_as_chance_does_not_explain_it():
    rng = np.random.default_rng(5)
    expected = np.full(2_000, 30.0)
    factors = rng.gamma(4.0, 1 / 4.0, size=2_000)  # variance 1/4
    assert factor_variance(rng.poisson(factors * expected), expected, expected) == pytest.approx(
        0.25, abs=0.03
    )
    assert factor_variance(rng.poisson(expected), expected, expected) < 0.01


def test_what_is_told_twice_is_no_more_than_what_is_told_once():
    """A bootstrap sample repeats rows: without heed the repeats would look like differences."""
    decisions = planted(300, 6)
    one, two = (fitted(decisions, times * np.ones(300)) for times in (1.0, 2.0))
    rows = np.repeat(np.arange(300), 2)
    columns = ("places", "actions", "rewards", "propensities", "groups")
    again = fitted(
        Decisions(*(getattr(decisions, c)[rows] for c in columns), count=3), np.ones(600)
    )
    assert two.factors == pytest.approx(again.factors)
    assert two.factors == pytest.approx(one.factors, abs=0.02)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    truth, held = (TARGET * REWARD).sum(axis=1).mean(), []
    for seed in range(25):
        found = with_intervals(planted(300, 100 + seed), ByPlace(TARGET), draws=40, seed=seed)
        held.append([found[name].low <= truth <= found[name].high for name in (IPS, SNIPS, DR)])
        assert all(each.low <= each.value <= each.high for each in found.values())
    assert (np.mean(held, axis=0) >= 0.76).all()


def test_groups_are_drawn_together():
    """The same decision a hundred times is one group: nothing to draw, no spread."""
    one = Decisions(*(np.repeat(c, 100) for c in ([0], [1], [1.0], [0.5], [0])), count=3)
    assert np.ptp(resampled(one, ByPlace(TARGET), 5)[IPS]) == 0.0


def test_what_cannot_be_judged_is_named():
    zero, one = np.zeros(2, np.int64), np.array([1.0, 0.0])
    with pytest.raises(ValueError, match=r"`propensities` must be above 0. Received: 0.0"):
        Decisions(zero, zero, one, one, zero, count=1)
    with pytest.raises(ValueError, match=r"columns of one length. Received: \[2, 3\]"):
        Decisions(zero, zero, one, np.ones(3), zero, count=1)
    empty = Decisions(*(np.zeros(0, np.int64) for _ in range(5)), count=1)
    with pytest.raises(ValueError, match="at least one decision. Received: 0"):
        estimates(empty, ByPlace(np.ones((1, 1))))
