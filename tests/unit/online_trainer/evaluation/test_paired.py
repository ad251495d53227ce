"""How much worse one model is than another, and how sure that is."""

import numpy as np
import pytest

from models.metrics import Scored
from online_trainer.evaluation.paired import (
    BLOCKS,
    MEASURES,
    Interval,
    Measure,
    PairedWindow,
    worse_by,
)

ROWS = 4_000
LOG_LOSS = MEASURES["binary"]["log_loss"]


def rows(seed: int, noise: float = 1.0) -> tuple[np.ndarray, ...]:
    """Labels, weights, and the scores of one that knows their odds and of one that is noisy."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=ROWS)
    labels = (rng.random(ROWS) < 1 / (1 + np.exp(-logits))).astype(float)
    noisy = logits + noise * rng.normal(size=ROWS)
    return labels, np.ones(ROWS), 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(-noisy))


def compared(labels, weights, ours, theirs) -> dict[str, Interval]:
    """How much worse one is than another over rows in order, by measure."""
    pieces = np.array_split(np.arange(len(labels)), BLOCKS)

    def sums(measure: Measure, scores: np.ndarray) -> np.ndarray:
        parts = (Scored(labels[own], scores[own], weights[own]) for own in pieces)
        return np.stack([measure.terms(part) for part in parts])

    return {
        name: worse_by(measure.badness, sums(measure, ours), sums(measure, theirs))
        for name, measure in MEASURES["binary"].items()
    }


def test_a_noisy_model_is_worse_for_sure_and_the_other_way_round_it_is_better():
    labels, weights, knows, noisy = rows(1)
    for name in ("auc", "log_loss"):
        worse = compared(labels, weights, noisy, knows)[name]
        assert 0 < worse.low < worse.mean < worse.high
        better = compared(labels, weights, knows, noisy)[name]
        assert better == pytest.approx((-worse.mean, -worse.high, -worse.low))


def test_a_model_is_as_good_as_itself():
    labels, weights, knows, _ = rows(2)
    assert all(each == (0, 0, 0) for each in compared(labels, weights, knows, knows).values())


def test_of_a_number_the_root_of_the_mean_squared_error_counts():
    (name, measure), *_ = MEASURES["regression"].items()
    misses = Scored(np.array([1.0, 5.0]), np.array([4.0, 1.0]), are_numbers=True)
    assert name == "rmse"
    assert measure.badness(measure.terms(misses)) == pytest.approx(np.sqrt((9 + 16) / 2))


def test_the_interval_holds_the_difference_of_two_equally_noisy_models_as_often_as_it_says():
    held, times = 0, 200
    for seed in range(times):
        rng = np.random.default_rng(seed)
        ours, theirs = (
            np.stack([rng.normal(0.3, 0.1, BLOCKS), np.ones(BLOCKS)], axis=1) for _ in range(2)
        )
        interval = worse_by(LOG_LOSS.badness, ours, theirs)
        held += interval.low <= 0.0 <= interval.high
    assert 0.91 <= held / times <= 0.99


def test_the_interval_of_a_mean_is_that_of_students_t_over_blocks():
    rng = np.random.default_rng(3)
    ours = np.stack([rng.normal(size=BLOCKS), np.ones(BLOCKS)], axis=1)
    theirs = np.stack([np.zeros(BLOCKS), np.ones(BLOCKS)], axis=1)
    found = worse_by(LOG_LOSS.badness, ours, theirs)
    error = ours[:, 0].std(ddof=1) / np.sqrt(BLOCKS)
    assert found.mean == pytest.approx(ours[:, 0].mean())
    assert found.high - found.mean == pytest.approx(2.093 * error)


def test_a_window_forgets_the_oldest_and_goes_on_from_its_state():
    window = PairedWindow({"log_loss": LOG_LOSS.badness}, rows=BLOCKS * 10)
    labels, weights, knows, noisy = rows(4)

    def count(into: PairedWindow, batch: slice, ours: np.ndarray, theirs: np.ndarray) -> None:
        ours, theirs = (
            LOG_LOSS.terms(Scored(labels[batch], each[batch], weights[batch]))
            for each in (ours, theirs)
        )
        into.update({"log_loss": (ours, theirs)}, 10)

    batches = [slice(at, at + 10) for at in range(0, 10 * 2 * BLOCKS, 10)]
    for batch in batches[:BLOCKS]:
        assert window.worse_by() == {}
        count(window, batch, noisy, knows)
    assert window.worse_by()["log_loss"].mean > 0
    for batch in batches[BLOCKS : BLOCKS + 7]:
        count(window, batch, knows, noisy)
    again = PairedWindow({"log_loss": LOG_LOSS.badness}, rows=BLOCKS * 10)
    again.restore(window.state())
    for batch in batches[BLOCKS + 7 :]:
        count(again, batch, knows, noisy)
    newest = slice(10 * BLOCKS, 20 * BLOCKS)
    expected = compared(labels[newest], weights[newest], knows[newest], noisy[newest])["log_loss"]
    assert again.worse_by()["log_loss"] == pytest.approx(expected)
    assert again.progress == 1.0


def test_progress_is_the_share_of_the_rows():
    window = PairedWindow({}, rows=100)
    assert window.progress == 0.0
    window.update({}, 3)
    assert window.progress == pytest.approx(3 / 100)
    for _ in range(2 * BLOCKS):
        window.update({}, 5)
    assert window.progress == 1.0
