"""Figures of lists: planted answers and laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation import lists
from simulation.compare import paired
from simulation.judging import gains, hits, mean_over, rank_of, reciprocal_ranks


@given(st.lists(st.integers(-1, 40), min_size=1), st.integers(1, 30))
def test_measures_are_ordered_and_bounded(ranks, k):
    """0 <= MRR <= NDCG <= HR <= 1 with one right answer, and HR grows with k."""
    places = np.array(ranks)
    reciprocal, gain, hit = (f(places, k) for f in (reciprocal_ranks, gains, hits))
    assert (reciprocal >= 0).all() and (reciprocal <= gain).all() and (gain <= hit).all()
    assert (hits(places, k + 1) >= hit).all()


def test_the_second_place_has_a_gain_of_one_by_log_two_of_three():
    assert gains(np.array([1]), 20)[0] == pytest.approx(1 / np.log2(3))
    assert reciprocal_ranks(np.array([1]), 20)[0] == 0.5


def test_rank_of_is_the_place_or_minus_one():
    assert [rank_of(n, np.array([4, 7])) for n in (4, 7, 9)] == [0, 1, -1]


def test_a_mean_over_hours_gives_each_hour_the_same_weight():
    assert mean_over(np.array([1.0, 1.0, 1.0, 0.0]), np.array([8, 8, 8, 9])) == 0.5
    assert np.isnan(mean_over(np.empty(0), np.empty(0)))


def test_gini_is_none_for_even_lists_and_near_one_for_one_item():
    even = [np.array([n]) for n in range(100)]
    assert lists.gini(even, 100) == pytest.approx(0.0)
    assert lists.gini([np.array([3])] * 50, 100) == pytest.approx(0.99)


def test_coverage_novelty_and_share_of_new_items():
    made = [np.array([0, 1]), np.array([1, 2])]
    assert lists.coverage(made, 6) == 0.5
    assert lists.novelty(made, np.array([4, 2, 1, 1])) == pytest.approx((1 + 2 + 2 + 3) / 4)
    born, times = np.array([0.0, 95.0, 99.0]), np.array([100.0, 100.0])
    assert lists.share_new(made, times, born, age_s=10.0) == 0.75
    assert lists.personalisation([np.array([1, 2]), np.array([1, 2]), np.array([3, 4])]) == 0.5


def test_a_paired_difference_is_found_where_each_alone_is_too_noisy():
    rng = np.random.default_rng(4)
    base = rng.random(2_000)
    better = base + 0.01 * (rng.random(2_000) < 0.9)
    groups = np.arange(2_000)
    found = paired(better, base, groups, seed=1)
    assert found.low < found.mean < found.high and found.mean == pytest.approx(0.009, abs=1e-3)
    assert found.is_sure and not paired(base, rng.permutation(base), groups).is_sure


def test_the_interval_is_about_two_standard_errors_wide():
    rng = np.random.default_rng(5)
    gain = rng.normal(size=4_000)
    found = paired(gain, np.zeros(4_000), np.arange(4_000))
    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(4_000), rel=0.1)


def test_columns_of_other_questions_are_refused():
    with pytest.raises(ValueError, match="same questions. Received: 2, 3 and 2 rows"):
        paired(np.zeros(2), np.zeros(3), np.zeros(2))
