import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from models.layers.feature_mask import FeatureMask, LearnFromCopies

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 5, 3)).astype(np.float32)


def copies_of(layer, x=X):
    copies = keras.ops.convert_to_numpy(layer(x, training=True))
    return copies.reshape(len(x), layer.copies, *x.shape[1:])


def test_each_field_of_a_copy_is_whole_or_hidden():
    copies = copies_of(FeatureMask(2))
    hidden = (copies == 0).all(axis=-1)
    kept = np.broadcast_to(X[:, None], copies.shape)
    assert_array_equal(copies[~hidden], kept[~hidden])
    assert 0 < hidden.mean() < 1


def test_the_share_of_hidden_fields_is_the_middle_of_its_bounds():
    layer = FeatureMask(2, low=0.1, high=0.5)
    shares = [(copies_of(layer) == 0).mean() for _ in range(20)]
    assert np.mean(shares) == pytest.approx(0.3, abs=0.01)


def test_fields_of_one_copy_share_a_probability():
    """With p ~ U[0, 1) for a copy, all 5 fields are hidden in 1/6 of copies; apart, in 1/32."""
    layer = FeatureMask(1, low=0.0, high=1.0)
    whole = [(copies_of(layer) == 0).all(axis=(1, 2, 3)).mean() for _ in range(20)]
    assert np.mean(whole) == pytest.approx(1 / 6, abs=0.02)


def test_no_two_steps_and_no_two_copies_hide_the_same():
    layer = FeatureMask(2)
    first, second = copies_of(layer), copies_of(layer)
    assert (first != second).any()
    assert (first[:, 0] != first[:, 1]).any()


def test_bounds_of_0_and_1_hide_nothing_and_everything():
    kept = np.repeat(X[:, None], 2, axis=1)
    assert_array_equal(copies_of(FeatureMask(2, low=0.0, high=0.0)), kept)
    assert not copies_of(FeatureMask(2, low=1.0, high=1.0)).any()


def test_outside_of_training_there_are_no_copies_and_nothing_moves():
    layer = FeatureMask(2)
    assert layer(X).shape == (400, 0, 15)
    assert not keras.ops.convert_to_numpy(layer.rotation).any()


def test_a_layer_with_the_same_weights_goes_on_alike():
    layer, other = FeatureMask(2), FeatureMask(2)
    copies_of(layer)
    other(X)
    other.set_weights(layer.get_weights())
    assert_array_equal(copies_of(layer), copies_of(other))


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_copies_have_the_slope_of_the_cross_entropy_on_labels(weight):
    logits = tf.constant(RNG.normal(size=(6, 4, 1)), tf.float32)
    y = tf.constant(RNG.integers(0, 2, (6, 1)), tf.float32)
    layer = LearnFromCopies(weight)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        z = layer(logits, training=True)
        bce = tf.nn.sigmoid_cross_entropy_with_logits(y, z)
        loss = tf.reduce_mean(bce) + tf.add_n(layer.losses)
    slope = tape.gradient(loss, logits).numpy()
    with tf.GradientTape() as tape:
        tape.watch(logits)
        each = tf.nn.sigmoid_cross_entropy_with_logits(tf.repeat(y, 4, axis=1), logits[..., 0])
        papers = tf.reduce_mean(each[:, 0]) + weight * tf.reduce_mean(each[:, 1:])
    assert_allclose(slope, tape.gradient(papers, logits), rtol=1e-4, atol=1e-6)
    assert_array_equal(z, logits[:, 0])


def test_without_training_it_gives_the_rows_logit_and_no_loss():
    layer = LearnFromCopies()
    logits = np.array([[[0.5]], [[-1.0]]], np.float32)
    assert_array_equal(layer(logits), [[0.5], [-1.0]])
    assert layer.losses == []


def test_configs_make_them_again():
    mask = FeatureMask.from_config(FeatureMask(3, 0.2, 0.4).get_config())
    assert (mask.copies, mask.low, mask.high) == (3, 0.2, 0.4)
    assert LearnFromCopies.from_config(LearnFromCopies(0.5).get_config()).weight == 0.5
