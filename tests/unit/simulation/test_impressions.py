"""Logged impressions: what the loop would have shown in their places, and what comes of it."""

from dataclasses import replace

import numpy as np
import pytest

from millstream.events import Impression, Interaction, ShownItem
from simulation.cadence import Cadence
from simulation.differences import comparisons, off_policy
from simulation.event_log import log_of_events
from simulation.impressions import decisions_of, earned, judged, target_of
from simulation.log import hour_of, hours, with_catalogue
from simulation.outcome import LOOP, Outcome
from simulation.plan import BacktestPlan

ITEMS = {name: number for number, name in enumerate("abcd")}


def shown(number: int, items: str, propensity: float = 0.5, user: str = "u") -> Impression:
    return Impression(
        event_id=f"s{number}",
        event_time=10.0 * number,
        request_id=f"r{number}",
        user_id=user,
        items=[
            ShownItem(item_id=item, position=place, score=0.0, propensity=propensity)
            for place, item in enumerate(items)
        ],
    )


def click(number: int, item: str, request: int | None) -> Interaction:
    return Interaction(
        event_id=f"c{number}",
        event_time=10.0 * number + 1.0,
        user_id=f"u{number}",
        item_id=item,
        kind="click",
        request_id=None if request is None else f"r{request}",
    )


def test_a_place_is_judged_below_the_items_that_were_above_it():
    found = judged(3, shown(1, "bca"), [1, 0, 2], ITEMS, {("r1", "a"): 1.0})
    assert found.actions.tolist() == [1, 2, 0]
    assert found.best.tolist() == [1, 0, 0]  # b; then a, as b is above; then a, b and c are above
    assert found.rewards.tolist() == [0.0, 0.0, 1.0] and found.impression == 3
    assert judged(0, shown(1, "ba"), [1], ITEMS, {}).best.tolist() == [1, -1]


def test_a_click_counts_for_the_list_that_it_names_alone():
    log = log_of_events([shown(1, "ab"), click(1, "a", 1), click(2, "b", None), shown(3, "cd")])
    assert earned(log) == {("r1", "a"): 1.0} and earned(replace(log, originals=())) == {}
    assert [each.request_id for each in log.impressions] == ["r1", "r3"]
    assert with_catalogue(log).item_ids == ["a", "b", "c", "d"]


def test_hours_choose_impressions_as_they_choose_events():
    log = log_of_events([click(0, "a", None), shown(1, "a"), shown(361, "a"), click(400, "b", 1)])
    assert [each.request_id for each in hours(log, None, 1.0).impressions] == ["r1"]
    assert [each.request_id for each in hours(log, 1.0, None).impressions] == ["r361"]


def plan_and_outcome(agrees: bool) -> tuple[BacktestPlan, Outcome]:
    """Lists of one item out of two at even odds; `a` is clicked, and the loop shows one of both."""
    rng = np.random.default_rng(1)
    lists = [shown(n, "ab"[rng.integers(2)], user=f"u{n}") for n in range(400)]
    clicks = [click(n, "a", n) for n, each in enumerate(lists) if each.items[0].item_id == "a"]
    log = with_catalogue(log_of_events([*lists, *clicks]))
    plan = BacktestPlan(
        log,
        hour_of(log),
        np.zeros(len(log), np.bool_),
        cadence=Cadence(),
        impressions=log.impressions,
        rewards=earned(log),
    )
    number = {item: place for place, item in enumerate(log.item_ids)}
    listed = [number["a" if agrees else "b"]]
    outcome = Outcome(
        judged=[
            judged(place, each, listed, number, plan.rewards)
            for place, each in enumerate(log.impressions)
        ]
    )
    return plan, outcome


@pytest.mark.parametrize(("agrees", "worth"), [(True, 1.0), (False, 0.0)])
def test_the_loop_earns_what_its_items_earn(agrees, worth):
    plan, outcome = plan_and_outcome(agrees)
    rows = off_policy(plan, outcome)[LOOP]
    assert rows["logged"]["reward"] == pytest.approx(0.5, abs=0.1)
    for name in ("IPS", "SNIPS", "DR"):
        assert rows[name]["reward"] == pytest.approx(worth, abs=0.15)
        assert rows[name]["low"] <= rows[name]["reward"] <= rows[name]["high"]
    assert rows["DR"]["effective places"] == pytest.approx(200, abs=30)


def test_lists_become_decisions_in_their_order():
    lists = [judged(0, shown(1, "ab"), [0, 1], ITEMS, {}), judged(1, shown(2, "c"), [3], ITEMS, {})]
    decisions = decisions_of(lists, ["u", "v"], 4)
    assert decisions.actions.tolist() == [0, 1, 2] and decisions.places.tolist() == [0, 1, 0]
    assert decisions.group_numbers.tolist() == [0, 0, 1]
    assert target_of(lists).best.tolist() == [0, 1, 3]


def test_variants_are_compared_pair_by_pair():
    plan, outcome = plan_and_outcome(True)
    outcome = replace(outcome, places=list(range(100)))
    outcome.ranks = {LOOP: [0] * 100, "other": [0, -1] * 50, "third": [0] * 100}
    outcome.variants = {"other": Outcome(), "third": Outcome()}
    rows = comparisons(plan, outcome)
    assert set(rows) == {f"{LOOP} less other", f"{LOOP} less third", "other less third"}
    better = rows[f"{LOOP} less other"]
    assert better["HR@20"] == 0.5 and 0.0 < better["HR low"] < 0.5 < better["HR high"]
    assert rows[f"{LOOP} less third"]["NDCG@20"] == 0.0
