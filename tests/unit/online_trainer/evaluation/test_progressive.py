import numpy as np
import pytest

from online_trainer.evaluation.progressive import Comparison, ProgressiveMetrics, Rows


def rows(count: int, origin: str = "organic", known: bool = True) -> Rows:
    return Rows(np.arange(count), np.full(count, origin), np.full(count, known))


def update(progress: ProgressiveMetrics, given: Rows, right: bool, count: int = 10) -> None:
    """Scores that put all positives above all negatives, or below."""
    labels = (np.arange(count) % 2).astype(np.float32)
    scores = np.where(labels > 0, 0.8, 0.2) if right else np.where(labels > 0, 0.2, 0.8)
    progress.update(scores, labels, np.ones(count), given)


def test_segments_are_kept_apart():
    progress = ProgressiveMetrics()
    update(progress, rows(10, "organic", known=True), right=True)
    update(progress, rows(10, "impression", known=False), right=False)
    auc = {s: progress.value(s, "overall", "auc") for s in ("organic", "impression", "known_user")}
    assert auc == {"organic": 1.0, "impression": 0.0, "known_user": 1.0}
    assert progress.value("new_user", "overall", "auc") == 0.0
    assert progress.value("all", "overall", "auc") == pytest.approx(0.5)


def test_sampled_negatives_belong_to_the_organic_positives_and_were_not_observed():
    progress = ProgressiveMetrics()
    ones, zeros = np.ones(4, np.float32), np.zeros(4, np.float32)
    progress.update(np.full(4, 0.9), ones, np.ones(4), rows(4, "organic"))
    progress.update(np.full(4, 0.1), zeros, np.ones(4), rows(4, "sampled"))
    assert progress.value("organic", "overall", "auc") == 1.0
    assert np.isnan(progress.value("observed", "overall", "auc"))


def test_the_window_forgets_and_the_whole_does_not():
    progress = ProgressiveMetrics(window_rows=50)
    update(progress, rows(10), right=False)
    for _ in range(10):
        update(progress, rows(10), right=True)
    assert progress.value("all", "window", "auc") == 1.0
    assert progress.value("all", "overall", "auc") < 1.0


def test_a_restored_progress_goes_on_as_the_one_it_was_taken_from():
    one, other = ProgressiveMetrics(window_rows=40), ProgressiveMetrics(window_rows=40)
    for number in range(7):
        update(one, rows(10, known=number % 2 == 0), right=number % 3 > 0)
    other.restore(one.state())
    for progress in (one, other):
        update(progress, rows(10), right=False)
    for key, value in one.values().items():
        np.testing.assert_equal(other.values()[key], value)


def test_the_hit_rate_is_that_of_all_positives_of_the_newest_steps():
    progress = ProgressiveMetrics()
    assert np.isnan(progress.value("all", "window", "hit_rate"))
    progress.retrieved(1.0, 1)
    progress.retrieved(0.5, 3)
    again = ProgressiveMetrics()
    again.restore(progress.state())
    assert again.value("all", "window", "hit_rate") == pytest.approx(2.5 / 4)
    for _ in range(1_000):
        again.retrieved(0.0, 2)
    assert again.value("all", "window", "hit_rate") == 0.0


def test_both_are_compared_over_the_same_rows():
    labels = np.array([0, 1, 0, 1], np.float32)
    comparison = Comparison()
    comparison.update(labels * 0.5 + 0.2, np.full(4, 0.5), labels, np.ones(4))
    again = Comparison()
    again.restore(comparison.state())
    assert again.values() == {"online": 1.0, "frozen": 0.5}
    assert again.rows == 4
