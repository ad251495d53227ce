"""The report's page: the verdict follows the interval, and nothing of a log becomes HTML."""

from typing import Any

import pytest

from simulation.page import page, verdict


def found(low: float, high: float, name: str = "counter") -> dict[str, Any]:
    quality = {
        "millstream": {"HR@5": 0.5, "NDCG@5": 0.3},
        name: {"HR@5": 0.5, "NDCG@5": 0.2},
    }
    difference = {"mean": (low + high) / 2, "low": low, "high": high}
    return {
        "k": 5,
        "questions": 10,
        "events": 20,
        "quality": quality,
        "hours": {who: {1: 0.2, 2: 0.3} for who in quality},
        "stages": {},
        "sources": {},
        "segments": {},
        "finders": {},
        "attributes": {},
        "over_time": {},
        "comparisons": {},
        "off_policy": {},
        "lists": {},
        "differences": {name: difference},
        "digest": "abc",
        "times_real_time": 3.0,
    }


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.01, 0.03, "beats"), (-0.03, -0.01, "loses to"), (-0.01, 0.02, "cannot be told from")],
)
def test_the_verdict_follows_the_interval(low, high, word):
    assert f"(NDCG@5 0.300) {word} the best baseline, counter (0.200)" in verdict(found(low, high))


def test_names_are_text_and_plots_are_inside():
    whole = page(found(0.1, 0.2, "<script>"))
    assert "<script>" not in whole and whole.count("<svg") == 2 and "src=" not in whole


def test_a_run_of_baselines_alone_names_the_best():
    alone = found(0.0, 0.0)
    del alone["quality"]["millstream"]
    assert verdict(alone) == "Best: counter, NDCG@5 0.200."
    assert verdict({**alone, "quality": {}}) == "Nothing was asked."


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.02, 0.03, "would earn more than"),
        (0.001, 0.005, "would earn less than"),
        (0.005, 0.02, "cannot be told from"),
    ],
)
def test_logged_impressions_have_a_verdict_and_a_plot(low, high, word):
    row = {"reward": (low + high) / 2, "low": low, "high": high, "effective places": 1_234.0}
    rows = {"logged": {**row, "reward": 0.01}, "DR": row}
    whole = {**found(0.0, 0.0), "quality": {}, "off_policy": {"millstream": rows}}
    assert f"Millstream {word} what was shown" in verdict(whole)
    text = page(whole)
    assert text.count("<svg") == 1 and "1,234" in text and f"{low:.5f}" in text


def test_variants_and_attributes_have_plots():
    row = {"NDCG@5": 0.1, "NDCG low": 0.05, "NDCG high": 0.2, "HR@5": 0.1}
    ages = {"18 to 30": {"questions": 3.0, "HR@5": 0.5, "NDCG@5": 0.4}}
    whole = {
        **found(0.1, 0.2),
        "comparisons": {"a less b": row},
        "attributes": {"user.age": ages, "user.<b>": {}},
        "lists": {"coverage": 0.5},
        "over_time": {3: {"questions": 2.0, "HR@5": 0.5}},
    }
    text = page(whole)
    assert text.count("<svg") == 4 and "a less b" in text and "By user.age" in text
    assert "<b>" not in text and "18 to 30" in text
