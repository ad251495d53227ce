"""Shares of late positives: learnt from the stream that they are shares of."""

import numpy as np
import pytest
import tensorflow as tf

from online_trainer.learners.late_shares import FIRST_SHARE, LateShares, features_of

RNG = np.random.default_rng(0)
# Of items of two sorts: how likely they are liked, and which share of it comes in time.
LIKED, IN_TIME = np.array([0.4, 0.4]), np.array([0.9, 0.25])


def stream(count):
    """(labels, is late, sort) of rows as they come: each item once, and its late positive."""
    sort = RNG.integers(0, 2, count)
    liked = RNG.random(count) < LIKED[sort]
    in_time = liked & (RNG.random(count) < IN_TIME[sort])
    late = np.flatnonzero(liked & ~in_time)
    labels = np.r_[in_time, np.ones(len(late))].astype(np.float32)
    return labels, np.arange(len(labels)) >= count, np.r_[sort, sort[late]]


def features(sort):
    logits = np.full(len(sort), np.log(0.4 / 0.6), np.float32)
    return features_of(tf.constant(logits), [tf.one_hot(sort, 2)])


def test_both_shares_are_those_of_the_stream_and_depend_on_the_row():
    ours, tasks = LateShares(2, 2), np.zeros(1, np.int32)
    for _ in range(400):
        labels, is_late, sort = stream(256)
        places = np.zeros(len(labels), np.int32)
        ours.learn(features(sort), places, labels, is_late, np.ones(len(labels), bool))
    for sort in (0, 1):
        late, real = ours.shares(features(np.array([sort])), tasks)
        expected = LIKED[sort] * (1 - IN_TIME[sort])
        assert late.numpy()[0] == pytest.approx(expected, rel=0.25)
        assert real.numpy()[0] == pytest.approx(0.6 / (0.6 + expected), rel=0.1)


def test_another_task_and_rows_that_do_not_count_teach_nothing():
    ours = LateShares(2, 2)
    labels, is_late, sort = stream(64)
    places = np.ones(len(labels), np.int32)
    ours.learn(features(sort), places, labels, is_late, np.zeros(len(labels), bool))
    for late, real in (
        ours.shares(features(sort), places),
        ours.shares(features(sort), 0 * places),
    ):
        assert late.numpy() == pytest.approx(FIRST_SHARE, rel=1e-5)
        assert real.numpy() == pytest.approx(1 - FIRST_SHARE, rel=1e-5)
    ours.learn(features(sort), places, labels, is_late, np.ones(len(labels), bool))
    untouched, _ = ours.shares(features(sort), 0 * places)
    assert untouched.numpy() == pytest.approx(FIRST_SHARE, rel=1e-5)
    touched, _ = ours.shares(features(sort), places)
    assert np.abs(touched.numpy() - FIRST_SHARE).min() > 1e-4


def test_they_go_on_from_what_was_kept_and_begin_anew_with_other_inputs():
    ours, other, wider = LateShares(1, 2), LateShares(1, 2), LateShares(1, 5)
    labels, is_late, sort = stream(64)
    given = np.zeros(len(labels), np.int32), labels, is_late, np.ones(len(labels), bool)
    ours.learn(features(sort), *given)
    other.restore(ours.memory())
    for each in (ours, other):
        each.learn(features(sort), *given)
    assert {n: x.tolist() for n, x in ours.memory().items()} == {
        n: x.tolist() for n, x in other.memory().items()
    }
    wider.restore(ours.memory())
    assert wider.memory()["late_shares"][0, 0, 0] == np.float32(np.log(FIRST_SHARE))


def test_features_are_the_logarithm_of_the_probability_and_every_embedding():
    made = features_of(tf.constant([0.0]), [tf.ones((1, 2)), tf.constant([[[1.0], [3.0]]])])
    assert made.numpy()[0] == pytest.approx([1.0, np.log(0.5), 1.0, 1.0, 1.0, 3.0])
