"""Losses of delayed feedback against slow NumPy, and the law that makes them worth having."""

import numpy as np
import pytest
import tensorflow as tf

from models.losses.delayed_feedback import es_dfm, fnc, fnw

RNG = np.random.default_rng(0)
LABELS, LOGITS = RNG.integers(0, 2, 40).astype(np.float32), RNG.normal(size=40).astype(np.float32)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def test_fake_negatives_weigh_what_the_paper_says():
    p, y = sigmoid(LOGITS.astype(float)), LABELS
    expected = -y * (1 + p) * np.log(p) - (1 - y) * (1 - p) * (1 + p) * np.log(1 - p)
    assert fnw(LABELS, LOGITS).numpy() == pytest.approx(expected, abs=1e-5)


def test_the_weights_of_fake_negatives_have_no_gradient():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        losses = fnw(LABELS, logits)
    p, y = sigmoid(LOGITS.astype(float)), LABELS
    expected = np.where(y > 0.5, -(1 + p) * (1 - p), (1 - p) * (1 + p) * p)
    assert tape.gradient(losses, logits).numpy() == pytest.approx(expected, abs=1e-5)


def test_calibration_is_the_log_loss_of_the_share_of_positives_in_the_stream():
    p, y = sigmoid(LOGITS.astype(float)), LABELS
    b = p / (1 + p)
    expected = -y * np.log(b) - (1 - y) * np.log(1 - b)
    assert fnc(LABELS, LOGITS).numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("loss", [fnw, fnc])
@pytest.mark.parametrize("p", [0.02, 0.3, 0.9])
def test_on_a_stream_of_negatives_and_late_positives_the_gradient_is_0_at_the_truth(loss, p):
    """Each of many items is a negative, and with probability p a positive besides."""
    logit = tf.Variable([np.log(p / (1 - p))] * 2, dtype=tf.float64)
    with tf.GradientTape() as tape:
        negative, positive = loss(tf.constant([0.0, 1.0], tf.float64), logit)[0:2]
        total = negative + p * positive
    assert float(tf.reduce_sum(tape.gradient(total, logit))) == pytest.approx(0.0, abs=1e-9)


LATE, REAL = RNG.uniform(0.05, 0.9, 40), RNG.uniform(0.1, 1.0, 40)


def test_elapsed_time_sampling_weighs_what_the_paper_says_without_a_gradient():
    logits, (late, real) = tf.Variable(LOGITS), (tf.Variable(LATE), tf.Variable(REAL))
    as_float = [tf.cast(each, tf.float32) for each in (late, real)]
    with tf.GradientTape() as tape:
        losses = es_dfm(LABELS, logits, *as_float)
    p, y = sigmoid(LOGITS.astype(float)), LABELS
    weight = np.where(y > 0.5, 1 + LATE, (1 + LATE) * REAL)
    expected = weight * np.where(y > 0.5, -np.log(p), -np.log(1 - p))
    assert losses.numpy() == pytest.approx(expected, abs=1e-5)
    assert tape.gradient(losses, logits).numpy() == pytest.approx(weight * (p - y), abs=1e-5)


def test_fake_negatives_weighted_are_elapsed_time_sampling_without_a_wait():
    p = sigmoid(LOGITS)
    ours = es_dfm(LABELS, LOGITS, p, 1.0 - p)
    assert ours.numpy() == pytest.approx(fnw(LABELS, LOGITS).numpy(), abs=1e-5)


@pytest.mark.parametrize(("p", "in_time"), [(0.3, 0.6), (0.9, 0.1), (0.05, 1.0)])
def test_with_a_wait_the_gradient_is_0_at_the_truth(p, in_time):
    """Of positives a share comes in time; all others are negatives, and positives besides."""
    late = p * (1 - in_time)
    shares = (tf.constant(s, tf.float64) for s in (late, (1 - p) / (1 - p + late)))
    logit = tf.Variable([np.log(p / (1 - p))] * 2, dtype=tf.float64)
    with tf.GradientTape() as tape:
        losses = es_dfm(tf.constant([0.0, 1.0], tf.float64), logit, *shares)
        total = (1 - p + late) * losses[0] + p * losses[1]
    assert float(tf.reduce_sum(tape.gradient(total, logit))) == pytest.approx(0.0, abs=1e-9)
