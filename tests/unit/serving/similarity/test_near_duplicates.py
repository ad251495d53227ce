"""Removing near-duplicates, against the comparison of everything with everything."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.similarity.near_duplicates import bucket_pairs, repeats
from serving.similarity.scaling import unit_rows
from serving.similarity.simhash import SimHash

bands_strategy = st.lists(
    st.tuples(st.integers(-1, 3), st.integers(-1, 3)), min_size=1, max_size=12
)


@given(bands_strategy)
def test_pairs_are_those_that_share_a_bucket(bands):
    expected = [
        [i, j]
        for i, j in itertools.combinations(range(len(bands)), 2)
        if any(a == b and a >= 0 for a, b in zip(bands[i], bands[j], strict=True))
    ]
    assert bucket_pairs(np.array(bands, dtype=np.int64)).tolist() == expected


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_what_is_kept_is_unlike_and_what_is_removed_is_like_something_kept(seed, threshold):
    unit = unit_rows(np.random.default_rng(seed).normal(size=(12, 3)))
    everything = np.array(list(itertools.combinations(range(12), 2)))
    cosine = unit @ unit.T
    repeat = repeats(everything[cosine[tuple(everything.T)] >= threshold], 12)
    kept = np.flatnonzero(~repeat)
    assert all(cosine[i, j] < threshold for i, j in itertools.combinations(kept, 2))
    for later in np.flatnonzero(repeat):
        assert max(cosine[later, kept[kept < later]]) >= threshold


def test_planted_copies_are_found_and_nothing_else():
    rng = np.random.default_rng(8)
    originals = rng.normal(size=(200, 32))
    copies = originals[:20] + rng.normal(scale=0.02, size=(20, 32))
    vectors = unit_rows(np.r_[originals, copies])
    pairs = bucket_pairs(SimHash(32)(vectors))
    cosines = [vectors[i] @ vectors[j] for i, j in pairs]
    repeat = repeats(pairs[np.array(cosines) >= 0.98], 220)
    assert np.flatnonzero(repeat).tolist() == list(range(200, 220))
    assert len(pairs) < 220 * 219 / 2 / 10  # buckets spare most comparisons


def test_a_chain_keeps_its_far_end():
    assert repeats(np.array([[0, 1], [1, 2]]), 3).tolist() == [False, True, False]


def test_nothing_is_like_nothing():
    assert bucket_pairs(np.empty((0, 8), np.int64)).shape == (0, 2)
    assert not repeats(np.empty((0, 2), np.int64), 3).any()


def test_a_bucket_of_half_the_list_proposes_nothing():
    bands = np.zeros((40, 1), dtype=np.int64)
    bands[:2] = 7
    assert bucket_pairs(bands).tolist() == [[0, 1]]
