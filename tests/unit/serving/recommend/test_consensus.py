"""Scores dealt out in the order that ranker and counter agree on."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.recommend.consensus import consensus

SCORES = st.lists(st.floats(0.01, 0.99), min_size=2, max_size=30, unique=True)


@given(SCORES, st.integers(0, 9), st.floats(0.1, 5.0))
def test_the_order_is_that_of_summed_reciprocal_ranks_and_the_scores_stay_the_same(
    scores, seed, weight
):
    counts = np.random.default_rng(seed).permutation(len(scores)).astype(float)
    dealt = consensus(np.array(scores), counts, weight)

    def place(values, item):
        return sum(other > values[item] for other in values)

    fused = [
        1 / (60 + place(scores, item)) + weight / (60 + place(counts, item))
        for item in range(len(scores))
    ]
    assert sorted(dealt.tolist()) == sorted(scores)
    expected = sorted(range(len(scores)), key=lambda item: -fused[item])
    assert np.argsort(-dealt, kind="stable").tolist() == expected


@given(SCORES, st.integers(0, 9))
def test_a_great_weight_gives_the_order_of_the_counter_and_a_small_one_that_of_the_ranker(
    scores, seed
):
    counts = np.random.default_rng(seed).permutation(len(scores)).astype(float)
    by_counter, by_ranker = (consensus(np.array(scores), counts, w) for w in (1e9, 1e-9))
    assert np.array_equal(np.argsort(-by_counter), np.argsort(-counts))
    assert np.array_equal(by_ranker, scores)


def test_equal_counts_leave_items_in_the_order_in_which_they_came():
    scores = np.array([0.3, 0.2, 0.1])
    assert np.array_equal(consensus(scores, np.zeros(3), 1.0), scores)
