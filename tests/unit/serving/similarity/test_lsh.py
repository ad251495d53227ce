"""SimHash and MinHash against the probabilities that their papers give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.similarity.minhash import MinHash, jaccard, shingles
from serving.similarity.scaling import unit_rows
from serving.similarity.simhash import SimHash


def vectors_at(angle: float, n: int, dim: int = 16) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    first = unit_rows(rng.normal(size=(n, dim)))
    other = rng.normal(size=(n, dim))
    other = unit_rows(other - (other * first).sum(1, keepdims=True) * first)
    return first, np.cos(angle) * first + np.sin(angle) * other


@pytest.mark.parametrize("angle", [0.2, 0.8, 1.5])
def test_simhash_bits_agree_with_the_probability_of_the_angle(angle):
    first, second = vectors_at(angle, 2000)
    hashed = SimHash(16, bands=32, bits=1)
    agreement = (hashed(first) == hashed(second)).mean()
    assert agreement == pytest.approx(1 - angle / np.pi, abs=0.01)


def test_simhash_bands_collide_as_often_as_the_formula_says():
    first, second = vectors_at(0.3, 4000)
    hashed = SimHash(16, bands=6, bits=8)
    collided = (hashed(first) == hashed(second)).any(axis=1).mean()
    assert collided == pytest.approx(1 - (1 - (1 - 0.3 / np.pi) ** 8) ** 6, abs=0.05)


def test_simhash_does_not_look_at_length():
    vectors = np.random.default_rng(1).normal(size=(50, 8))
    hashed = SimHash(8)
    assert np.array_equal(hashed(vectors), hashed(vectors * 7.5))


def test_simhash_refuses_a_band_that_does_not_fit_a_number():
    with pytest.raises(ValueError, match=r"`bits` must be between 1 and 62. Received: 63"):
        SimHash(8, bits=63)


@pytest.mark.parametrize("similarity", [0.2, 0.5, 0.9])
def test_minhash_bands_collide_with_the_probability_of_the_jaccard_similarity(similarity):
    rng = np.random.default_rng(6)
    shared = round(100 * similarity)
    hashed, agreed = MinHash(bands=64, rows=1), []
    for _ in range(40):
        pool = np.unique(rng.integers(0, 1 << 63, size=300, dtype=np.uint64))
        rng.shuffle(pool)
        one = set(pool[:100].tolist())
        other = set(np.r_[pool[:shared], pool[100 : 200 - shared]].tolist())
        exact = jaccard(one, other)
        agreed.append((hashed(one) == hashed(other)).mean() - exact)
    assert np.mean(agreed) == pytest.approx(0.0, abs=0.03)


def test_minhash_of_a_text_is_the_same_in_every_process():
    assert MinHash(bands=2, rows=2)(shingles("Chasing Amy (1997)")).tolist() == [
        *MinHash(bands=2, rows=2)(shingles("chasing  amy 1997")).tolist()
    ]


def test_a_text_without_words_has_no_bucket():
    assert MinHash(bands=3)(shingles(" - ")).tolist() == [-1, -1, -1]


@given(st.text(max_size=40), st.text(max_size=40))
def test_jaccard_is_symmetric_and_one_only_for_equal_sets(one, other):
    first, second = shingles(one), shingles(other)
    assert jaccard(first, second) == jaccard(second, first)
    assert (jaccard(first, second) == 1.0) == (len(first) > 0 and first == second)
