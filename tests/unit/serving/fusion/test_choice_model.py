"""The conditional logit: its gradient is that of the log loss, it finds planted weights."""

import numpy as np
import pytest

from serving.fusion.choice_model import ChoiceModel

NAMES = ("a", "b", "c")


def log_loss(weights, evidence, chosen):
    scores = evidence @ weights
    return float(np.log(np.exp(scores).sum()) - scores[chosen])


def answered(model, rng, weights, questions, scale=1.0):
    """Teach it questions that are answered with the probabilities of the weights."""
    for _ in range(questions):
        evidence = rng.normal(size=(20, len(weights)))
        odds = np.exp(evidence @ weights)
        model.learn(evidence * scale, int(rng.choice(20, p=odds / odds.sum())))


def test_a_step_goes_down_the_slope_of_the_log_loss(monkeypatch):
    evidence = np.random.default_rng(0).normal(size=(7, 3))
    evidence /= evidence.std(axis=0)
    model = ChoiceModel(NAMES, {"a": 1.0, "b": -0.5})
    before = np.array([model.weight(name) for name in NAMES])
    slope = np.array(
        [
            (log_loss(before + e, evidence, 4) - log_loss(before - e, evidence, 4)) / 2e-5
            for e in np.eye(3) * 1e-5
        ]
    )
    model.learn(evidence, 4)
    step = np.array([model.weight(name) for name in NAMES]) - before
    assert step == pytest.approx(-0.1 * slope / np.sqrt(100.0 + slope**2), rel=1e-4)


def test_planted_weights_are_found_whatever_the_units():
    planted = np.array([2.0, -1.0, 0.0])
    scale = np.array([1.0, 1000.0, 0.01])
    model = ChoiceModel(NAMES, {"c": 1.0})
    answered(model, np.random.default_rng(1), planted, 3_000, scale)
    assert [model.weight(name) for name in NAMES] == pytest.approx(planted, abs=0.25)
    evidence = np.random.default_rng(2).normal(size=(50, 3))
    order = np.argsort(-model.scores(evidence * scale))[:5]
    assert set(order) & set(np.argsort(-(evidence @ planted))[:3])


def test_a_column_that_is_the_same_for_all_teaches_nothing():
    model = ChoiceModel(NAMES, {})
    rng = np.random.default_rng(3)
    for _ in range(50):
        evidence = rng.normal(size=(10, 3))
        evidence[:, 2] = 7.0
        model.learn(evidence, int(evidence[:, 0].argmax()))
    assert model.weight("c") == pytest.approx(0.0, abs=1e-9)
    assert np.isfinite(model.scores(evidence)).all()


def test_a_state_goes_on_as_if_nothing_had_happened_and_new_columns_begin():
    rng = np.random.default_rng(4)
    model = ChoiceModel(NAMES, {"a": 1.0})
    answered(model, rng, np.array([1.0, 1.0, -1.0]), 100)
    again = ChoiceModel(("c", "new", "a", "b"), {"new": 0.5})
    again.restore(model.state())
    assert [again.weight(name) for name in NAMES] == [model.weight(name) for name in NAMES]
    assert (again.weight("new"), again.questions) == (0.5, 100)
    same = ChoiceModel(NAMES, {})
    same.restore(model.state())
    evidence = rng.normal(size=(20, 3))
    model.learn(evidence, 3)
    same.learn(evidence, 3)
    assert same.state() == model.state()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"questions": 1, "columns": {"a": [1.0, 2.0]}}, "3 finite numbers"),
        ({"questions": 1, "columns": {"a": [1.0, float("nan"), 2.0]}}, "3 finite numbers"),
        ({"questions": "many", "columns": {}}, "invalid literal"),
    ],
)
def test_a_damaged_state_is_refused_and_changes_nothing(state, said):
    model = ChoiceModel(NAMES, {"a": 1.0})
    before = model.state()
    with pytest.raises(ValueError, match=said):
        model.restore(state)
    assert model.state() == before
