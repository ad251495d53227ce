"""How far the newest rows are from those before them."""

import numpy as np
import pytest

from online_trainer.evaluation.drift import BINS, Drift, divergence

ROWS = 320


def batch(rng: np.random.Generator, **more: np.ndarray):
    inputs = {
        "age": rng.exponential(1.0, ROWS).astype(np.float32),
        "genre": rng.integers(0, 1 << 60, ROWS),
        "recent": rng.integers(0, 8, (ROWS, 3)),
        **more,
    }
    scores = rng.random(ROWS).astype(np.float32)
    return inputs, scores, (rng.random(ROWS) < 0.3).astype(np.float32)


def told(drift: Drift, rng: np.random.Generator, batches: int, **more: np.ndarray) -> None:
    for _ in range(batches):
        drift.update(*batch(rng, **more))


@pytest.fixture
def steady() -> tuple[Drift, np.random.Generator]:
    """Eleven full windows of the same."""
    drift, rng = Drift(rows=50 * ROWS), np.random.default_rng(5)
    told(drift, rng, 11 * 50)
    return drift, rng


def test_divergence_is_the_mean_information_about_which_side_a_value_is_from():
    rng = np.random.default_rng(1)
    ours, theirs = rng.integers(0, 9, BINS), rng.integers(0, 9, BINS)
    p, q = ours / ours.sum(), theirs / theirs.sum()
    slow = 0.0
    for a, b in zip(p, q, strict=True):
        for each in (a, b):
            if each:
                slow += 0.5 * each * np.log2(2 * each / (a + b))
    assert divergence(ours, theirs) == pytest.approx(slow)
    assert divergence(theirs, ours) == pytest.approx(slow)


def test_nothing_in_common_is_one_bit_the_same_is_none_and_an_empty_side_is_undefined():
    ours = np.array([[1, 0], [3, 1], [0, 0]])
    theirs = np.array([[0, 5], [6, 2], [1, 1]])
    assert divergence(ours, theirs)[:2] == pytest.approx([1.0, 0.0])
    assert np.isnan(divergence(ours, theirs)[2])


def test_what_stays_the_same_does_not_drift(steady):
    drift, _ = steady
    assert set(drift.values()) == {"age", "genre", "recent", "label", "score"}
    assert max(drift.values().values()) < 0.03


def test_what_changes_is_named_and_nothing_else(steady):
    drift, rng = steady
    told(drift, rng, 50, age=np.full(ROWS, 9.0, np.float32))
    found = drift.values()
    assert found.pop("age") > 0.5
    assert max(found.values()) < 0.03


def test_after_a_while_the_new_is_the_usual(steady):
    drift, rng = steady
    told(drift, rng, 11 * 50, genre=np.full(ROWS, 7))
    assert drift.values()["genre"] == pytest.approx(0.0)


def test_it_goes_on_from_its_state(steady):
    drift, rng = steady
    told(drift, rng, 20)
    again = Drift(rows=50 * ROWS)
    again.restore(drift.state())
    one, other = np.random.default_rng(9), np.random.default_rng(9)
    told(drift, one, 40)
    told(again, other, 40)
    assert again.values() == drift.values()


def test_a_new_input_has_no_past_and_the_others_keep_theirs(steady):
    drift, rng = steady
    told(drift, rng, 50, income=np.ones(ROWS, np.float32))
    found = drift.values()
    assert "income" not in found
    assert max(found.values()) < 0.03
    told(drift, rng, 50, income=np.ones(ROWS, np.float32))
    assert drift.values()["income"] == pytest.approx(0.0)


def test_before_there_is_a_reference_nothing_is_said():
    drift = Drift(rows=ROWS)
    assert drift.values() == {}
    Drift().restore({})
    told(drift, np.random.default_rng(2), 1)
    assert drift.values() == {}
