import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.losses.dual_augmented import category_alignment, mimic
from models.losses.next_item import bpr_max, calibration, gbce, softmax, top1_max

RNG = np.random.default_rng(0)
POSITIVE = RNG.normal(size=(2, 3)).astype(np.float32)
NEGATIVES = RNG.normal(size=(2, 3, 4)).astype(np.float32)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def slow_gbce(i, js):
    return -(0.4 * np.log(sigmoid(i)) + sum(np.log(1.0 - sigmoid(j)) for j in js)) / (len(js) + 1)


def slow_softmax(i, js):
    return -np.log(np.exp(i) / (np.exp(i) + sum(np.exp(j) for j in js)))


def slow_top1_max(i, js):
    shares = np.exp(js) / np.exp(js).sum()
    return sum(s * (sigmoid(j - i) + sigmoid(j * j)) for s, j in zip(shares, js, strict=True))


def slow_bpr_max(i, js):
    shares = np.exp(js) / np.exp(js).sum()
    won = sum(s * sigmoid(i - j) for s, j in zip(shares, js, strict=True))
    return -np.log(won) + 0.5 * sum(s * j * j for s, j in zip(shares, js, strict=True))


@pytest.mark.parametrize(
    ("loss", "slow"),
    [
        (lambda i, j: gbce(i, j, beta=0.4), slow_gbce),
        (softmax, slow_softmax),
        (top1_max, slow_top1_max),
        (lambda i, j: bpr_max(i, j, penalty=0.5), slow_bpr_max),
    ],
)
def test_a_loss_is_the_papers_equation(loss, slow):
    found = keras.ops.convert_to_numpy(loss(POSITIVE, NEGATIVES))
    for place in np.ndindex(2, 3):
        expected = slow(float(POSITIVE[place]), NEGATIVES[place].astype(np.float64))
        assert found[place] == pytest.approx(expected, rel=1e-4)


def test_calibration_undoes_what_sampling_does_to_the_odds():
    """With t = 1 the best score of an item of chance p is its log-odds, as without sampling.

    Of sigma^beta the best is beta p / (beta p + alpha (1 - p)): equal to p for beta = alpha.
    """
    assert calibration(5, 101, t=1.0) == pytest.approx(0.05)
    assert calibration(5, 101, t=0.0) == 1.0
    assert 0.05 < calibration(5, 101, t=0.75) < 1.0


def test_what_one_side_keeps_of_the_other_moves_that_side_alone():
    one, other = POSITIVE, POSITIVE[::-1].copy()
    each = ((one - other) ** 2).sum(axis=1)
    assert float(mimic(one, other)) == pytest.approx(each.mean(), rel=1e-5)
    weights = np.array([3.0, 1.0], np.float32)
    assert float(mimic(one, other, weights)) == pytest.approx(np.average(each, weights=weights))
    assert float(mimic(one, other, np.zeros(2, np.float32))) == 0.0


def test_categories_are_compared_with_the_one_that_has_most_items():
    vectors = RNG.normal(size=(9, 3)).astype(np.float32)
    categories = np.array([7, 7, 7, 7, 5, 5, 9, 0, 0])
    groups = [vectors[categories == c] for c in (7, 5)]  # 9 has one item, 0 is none
    major, minor = (np.cov(group.astype(np.float64), rowvar=False) for group in groups)
    found = float(category_alignment(vectors, categories))
    assert_allclose(found, ((major - minor) ** 2).sum(), rtol=1e-3)
