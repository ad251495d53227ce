"""Ranking metrics beside scikit-learn's, and beside every order that ties may have."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from models.metrics import Map, Mrr, Ndcg, RecallAt, Scored

OF_ONE_ORDER = {
    "ndcg": lambda y, k: dcg(y, k) / dcg(sorted(y, reverse=True), k),
    "recall": lambda y, k: sum(y[:k]) / sum(y),
    "map": lambda y, k: (
        sum(sum(y[: r + 1]) / (r + 1) for r in range(min(k, len(y))) if y[r]) / min(k, sum(y))
    ),
    "mrr": lambda y, k: 1 / (1 + list(y).index(1)),
}


def dcg(y, k):
    return sum(gain / np.log2(2 + r) for r, gain in enumerate(y[:k]))


def over_all_orders(of_one, labels, scores, k):
    """The mean over every order in which the scores do not rise."""
    falling = [
        [labels[i] for i in order]
        for order in permutations(range(len(labels)))
        if all(scores[a] >= scores[b] for a, b in pairwise(order))
    ]
    return np.mean([of_one(order, k) for order in falling])


def measured(metric, labels, scores, groups=None):
    groups = np.zeros(len(labels), int) if groups is None else np.asarray(groups)
    metric.update(Scored(np.asarray(labels), np.asarray(scores), groups=groups))
    return metric.result()


def made(name, k):
    if name == "mrr":
        return Mrr()
    if name == "ndcg":
        return Ndcg(k)
    return RecallAt(k) if name == "recall" else Map(k)


@pytest.mark.parametrize("name", OF_ONE_ORDER)
@pytest.mark.parametrize("k", [1, 3, 5, 50])
@pytest.mark.parametrize("seed", range(6))
def test_ties_count_as_the_mean_of_every_order(name, k, seed):
    rng = np.random.default_rng(seed)
    labels = np.r_[1.0, (rng.random(6) < 0.5).astype(float)]
    scores = rng.choice([0.1, 0.2, 0.3], 7)
    expected = over_all_orders(OF_ONE_ORDER[name], list(labels), list(scores), k)
    assert measured(made(name, k), labels, scores) == pytest.approx(expected)


def test_ndcg_is_scikit_learns_with_ties_and_any_gains():
    rng = np.random.default_rng(0)
    labels = rng.random((20, 15)).round(1)
    scores = rng.random((20, 15)).round(1)
    groups = np.repeat(np.arange(20), 15)
    for k in (1, 4, 100):
        metric = Ndcg(k)
        metric.update(Scored(labels.ravel(), scores.ravel(), groups=groups))
        # A group without a label of one half or more has no positive.
        kept = (labels >= 0.5).any(axis=1)
        assert metric.result() == pytest.approx(ndcg_score(labels[kept], scores[kept], k=k))


def test_map_of_whole_lists_is_scikit_learns_average_precision():
    rng = np.random.default_rng(1)
    labels = (rng.random((30, 12)) < 0.3).astype(float)
    labels[:, 0] = 1.0
    scores = rng.random((30, 12))
    expected = np.mean([average_precision_score(y, s) for y, s in zip(labels, scores, strict=True)])
    groups = np.repeat(np.arange(30), 12)
    assert measured(Map(12), labels.ravel(), scores.ravel(), groups) == pytest.approx(expected)


@pytest.mark.parametrize("name", OF_ONE_ORDER)
def test_a_group_counts_once_whatever_its_size_and_not_without_a_positive(name):
    labels = np.array([1, 0, 0, 1, 0, 0, 0])
    scores = np.array([0.1, 0.2, 0.3, 0.9, 0.1, 0.5, 0.4])
    groups = np.array([7, 7, 7, 3, 3, 9, 9])
    one = measured(made(name, 2), labels[:3], scores[:3], groups[:3])
    other = measured(made(name, 2), labels[3:5], scores[3:5], groups[3:5])
    both = measured(made(name, 2), labels, scores, groups)
    assert both == pytest.approx((one + other) / 2)


@pytest.mark.parametrize("name", OF_ONE_ORDER)
def test_without_a_positive_there_is_no_value(name):
    assert np.isnan(measured(made(name, 3), [0, 0], [0.1, 0.2]))


@pytest.mark.parametrize("name", OF_ONE_ORDER)
def test_the_order_of_rows_changes_nothing(name):
    rng = np.random.default_rng(2)
    labels, scores = (rng.random(200) < 0.4).astype(float), rng.random(200).round(1)
    groups, order = rng.integers(0, 9, 200), rng.permutation(200)
    assert measured(made(name, 5), labels, scores, groups) == pytest.approx(
        measured(made(name, 5), labels[order], scores[order], groups[order])
    )


@pytest.mark.parametrize("name", OF_ONE_ORDER)
def test_a_perfect_order_is_worth_one(name):
    assert measured(made(name, 4), [1, 0, 1, 0, 0], [0.9, 0.3, 0.8, 0.2, 0.1]) == pytest.approx(1.0)


def test_one_large_tie_does_not_overflow():
    labels = np.r_[np.ones(20_000), np.zeros(20_000)]
    # The first of two equally likely kinds: the mean of 1/r over a geometric place.
    expected = sum(0.5**r / r for r in range(1, 60))
    assert measured(Mrr(), labels, np.full(40_000, 0.5)) == pytest.approx(expected, rel=1e-3)


def test_k_below_one_is_refused():
    with pytest.raises(ValueError, match="`k` must be at least 1. Received: 0."):
        Ndcg(0)


def test_groups_are_asked_for_by_name():
    with pytest.raises(ValueError, match="`groups` must be given for MRR"):
        Mrr().update(Scored(np.array([1.0]), np.array([0.5])))
