"""The logged propensity is the frequency with which the policy does what it did."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.rerank.explore import epsilon_greedy, softmax

DRAWS = 20_000


def frequencies_match(draw_one, k):
    """Each list that was drawn often, against the product of its logged propensities."""
    lists: Counter[tuple[int, ...]] = Counter()
    logged = {}
    for _ in range(DRAWS):
        draw = draw_one()
        lists[tuple(draw.order)] += 1
        logged[tuple(draw.order)] = math.prod(draw.propensity)
    assert sum(logged.values()) == pytest.approx(1.0)
    for order, count in lists.items():
        error = math.sqrt(logged[order] / DRAWS)
        assert len(order) == k
        assert count / DRAWS == pytest.approx(logged[order], abs=5 * error)


def test_epsilon_greedy_logs_the_probability_of_the_list():
    rng = np.random.default_rng(11)
    frequencies_match(lambda: epsilon_greedy(np.array([3, 1, 2]), 2, 0.4, rng), 2)


def test_softmax_logs_the_probability_of_the_list():
    rng = np.random.default_rng(12)
    scores = np.array([1.0, 0.2, -0.5])
    frequencies_match(lambda: softmax(scores, 2, 0.8, rng), 2)


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 25), st.floats(0, 1))
def test_epsilon_greedy_shows_every_candidate_at_most_once(seed, n, k, epsilon):
    draw = epsilon_greedy(np.arange(n), k, epsilon, np.random.default_rng(seed))
    assert len(set(draw.order.tolist())) == min(n, k)
    assert ((draw.propensity > 0) & (draw.propensity <= 1)).all()


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 100))
def test_softmax_propensities_are_probabilities(seed, temperature):
    rng = np.random.default_rng(seed)
    draw = softmax(rng.normal(size=15), 15, temperature, rng)
    assert ((draw.propensity > 0) & (draw.propensity <= 1)).all()
    assert draw.propensity[-1] == pytest.approx(1.0)


def test_later_places_are_explored_more_and_the_share_is_that_of_the_list():
    rng, k = np.random.default_rng(13), 9
    drawn = [epsilon_greedy(np.arange(1_000), k, 0.1, rng) for _ in range(5_000)]
    by_place = np.mean([draw.order >= k for draw in drawn], axis=0)
    expected = 1 - 0.9 ** (2 * np.arange(1, k + 1) / (k + 1))
    assert by_place == pytest.approx(expected, abs=0.02)
    assert by_place.mean() == pytest.approx(0.1, abs=0.01)


def test_no_exploration_is_the_ranking_itself_with_certainty():
    draw = epsilon_greedy(np.array([9, 4, 6]), 3, 0.0, np.random.default_rng(1))
    assert draw.order.tolist() == [9, 4, 6]
    assert draw.propensity.tolist() == [1.0, 1.0, 1.0]


def test_an_epsilon_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"`epsilon` must be between 0 and 1. Received: 2"):
        epsilon_greedy(np.arange(3), 1, 2.0, np.random.default_rng(1))


def test_a_temperature_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"`temperature` must be above 0. Received: 0"):
        softmax(np.ones(3), 1, 0.0, np.random.default_rng(1))
