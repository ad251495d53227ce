"""Metrics of classes against sums over plain rows."""

import numpy as np
import pytest

from models.metrics import Accuracy, ClassEntropy, ClassLogLoss, Scored

# (label, score, weight): the score is the own class's probability, negative where it was missed.
ROWS = [(0, 0.7, 1.0), (2, -0.2, 2.0), (1, 0.5, 0.5), (2, 0.9, 1.5)]


def told(metric, rows=ROWS):
    for part in (rows[:1], rows[1:]):
        labels, scores, weights = (np.array(column) for column in zip(*part, strict=True))
        metric.update(Scored(labels, scores, weights, are_numbers=True))
    return metric.result()


def test_log_loss_is_the_mean_of_minus_the_log_of_the_own_classs_probability():
    expected = sum(-w * np.log(abs(p)) for _, p, w in ROWS) / 5.0
    assert told(ClassLogLoss()) == pytest.approx(expected)


def test_accuracy_is_the_share_of_weight_whose_class_was_the_likeliest():
    assert told(Accuracy()) == pytest.approx(3.0 / 5.0)


def test_normalised_entropy_is_one_for_who_knows_the_shares_of_the_classes_alone():
    shares = {0: 0.2, 1: 0.3, 2: 0.5}
    rows = [(label, share, 100.0 * share) for label, share in shares.items()]
    assert told(ClassEntropy(20), rows) == pytest.approx(1.0)
    better = [(label, share + 0.1, weight) for label, share, weight in rows]
    assert told(ClassEntropy(20), better) < 1.0


def test_normalised_entropy_is_not_defined_where_only_one_class_came():
    assert np.isnan(told(ClassEntropy(20), [(1, 0.9, 1.0), (1, 0.8, 1.0)]))
