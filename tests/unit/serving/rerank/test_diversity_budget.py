"""Diversity is as strong as its cost allows."""

import numpy as np
import pytest

from serving.recommend.query import Query
from serving.rerank.diversity_budget import FILE_NAME, DiversityBudget, kept_diversity
from tests.support.serving_cases import Case


def cost(budget, questions, share, seed=0):
    """Questions whose lists lose `share` of the gain at full strength, in proportion to it."""
    rng = np.random.default_rng(seed)
    for _ in range(questions):
        gain = float(rng.random() < 0.2) * rng.random()
        budget.learn(gain, gain * (1.0 - share * budget.strength))


def test_what_costs_less_than_it_may_keeps_its_strength():
    budget = DiversityBudget(most=0.05)
    cost(budget, 2_000, share=0.03)
    assert budget.strength > 0.95


def test_what_costs_more_is_as_strong_as_makes_it_cost_that():
    budget = DiversityBudget(most=0.05)
    cost(budget, 6_000, share=0.2)
    assert budget.strength == pytest.approx(0.25, abs=0.1)
    cost(budget, 6_000, share=0.1, seed=1)  # it costs less now: it comes back
    assert budget.strength == pytest.approx(0.5, abs=0.15)


def test_without_a_bound_nothing_changes():
    budget = DiversityBudget()
    cost(budget, 1_000, share=1.0)
    assert budget.strength == 1.0


async def test_a_list_has_the_strength_that_is_left_and_who_asks_for_it_has_all(monkeypatch):
    asked = []

    def arrange(scored, k, diversity, strength, is_over):
        asked.append((diversity, strength))
        return np.argsort(-scored.scores, kind="stable")

    monkeypatch.setattr("serving.recommend.making.arrange", arrange)
    case = Case(count=40, diversity="mmr", diversity_strength=0.8)
    case.diversity.strength = 0.25
    for wanted in (None, "dpp"):
        await case.recommender.recommend(Query("u", 10, diversity=wanted))
    assert asked == [("mmr", 0.2), ("dpp", 0.8)]


def test_a_restart_goes_on_from_what_was_kept(tmp_path, caplog):
    budget, again = DiversityBudget(0.05), DiversityBudget(0.05)
    cost(budget, 500, share=0.5)
    kept_diversity(budget, tmp_path).write()
    kept_diversity(again, tmp_path).read()
    assert again.state() == budget.state() and again.strength < 1.0
    (tmp_path / FILE_NAME).write_text('{"strength": 2, "questions": 1, "gain": 0}')
    fresh = DiversityBudget(0.05)
    kept_diversity(fresh, tmp_path).read()
    assert fresh.strength == 1.0 and "learnt anew" in caplog.text
