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


def looks(advantage: float, seed: int, rows: int = 8_000) -> tuple[float | None, list[int]]:
    """Share of the rows at which one that is better by so many nats is not worse for sure."""
    rng = np.random.default_rng(seed)
    window, found, at = PairedWindow({"log_loss": LOG_LOSS.badness}, rows), {}, []
    share = None
    for _ in range(0, rows, 10):
        ours, theirs = 0.5 - advantage + 0.1 * rng.normal(size=10), np.full(10, 0.5)
        pair = np.array([ours.sum(), 10.0]), np.array([theirs.sum(), 10.0])
        window.update({"log_loss": pair}, 10)
        if window.worse_by() != found:
            found = window.worse_by()
            at.append(round(window.progress * rows))
            if share is None and found["log_loss"].high <= 0.005:
                share = window.progress
    return share, at


def test_there_is_a_look_at_a_quarter_a_half_and_all_of_the_rows():
    assert looks(0.0, seed=1)[1] == [2_000, 4_000, 8_000]  # blocks of 50 would be too short


@pytest.mark.parametrize(("advantage", "share"), [(0.02, 0.25), (0.0, 1.0), (-0.02, None)])
def test_one_that_is_much_better_needs_few_of_the_rows_and_one_that_is_worse_never_passes(
    advantage, share
):
    assert looks(advantage, seed=3)[0] == share


def test_early_looks_let_hardly_more_pass_that_are_worse_by_the_margin():
    passed = [looks(-0.005, seed, rows=4_000)[0] is not None for seed in range(150)]
    assert sum(passed) / 150 <= 0.025 + 0.0075 + 3 * np.sqrt(0.0325 / 150)


def test_a_window_goes_on_from_its_state_before_its_blocks_have_their_last_length():
    rng = np.random.default_rng(5)
    window, again = (PairedWindow({"log_loss": LOG_LOSS.badness}, 8_000) for _ in range(2))
    batches = [rng.normal(size=(2, 10)) for _ in range(800)]

    def count(into: PairedWindow, batch: np.ndarray) -> None:
        pair = np.array([batch[0].sum(), 10.0]), np.array([batch[1].sum(), 10.0])
        into.update({"log_loss": pair}, 10)

    for batch in batches[:300]:
        count(window, batch)
    again.restore(window.state())
    for batch in batches[300:]:
        count(again, batch)
    pieces = np.stack(batches).reshape(BLOCKS, 40, 2, 10).sum(axis=(1, 3))
    ours, theirs = (np.stack([own, np.full(BLOCKS, 400.0)], axis=1) for own in pieces.T)
    assert again.worse_by()["log_loss"] == pytest.approx(worse_by(LOG_LOSS.badness, ours, theirs))


def test_progress_is_the_share_of_the_rows():
    window = PairedWindow({}, rows=100)
    assert window.progress == 0.0
    window.update({}, 3)
    assert window.progress == pytest.approx(3 / 100)
    for _ in range(2 * BLOCKS):
        window.update({}, 5)
    assert window.progress == 1.0
