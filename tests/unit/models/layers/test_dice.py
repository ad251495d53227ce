import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.layers.dice import Dice
from models.layers.mlp import mlp

RNG = np.random.default_rng(0)
S = RNG.normal(2.0, 3.0, (6, 2)).astype(np.float32)


def slow(s, mean, variance, alpha, epsilon=1e-8):
    out = np.zeros_like(s)
    for at in np.ndindex(*s.shape):
        unit = at[-1]
        p = 1.0 / (1.0 + np.exp(-(s[at] - mean[unit]) / np.sqrt(variance[unit] + epsilon)))
        out[at] = p * s[at] + (1.0 - p) * alpha[unit] * s[at]
    return out


def dice(alpha=(0.3, -0.2), **options):
    layer = Dice(**options)
    layer.build((None, 2))
    layer.alpha.assign(alpha)
    return layer


def moments(layer):
    return keras.ops.convert_to_numpy(layer.mean), keras.ops.convert_to_numpy(layer.variance)


def test_in_training_it_follows_the_batch():
    expected = slow(S, S.mean(axis=0), S.var(axis=0), [0.3, -0.2])
    assert_allclose(dice()(S, training=True), expected, rtol=1e-4, atol=1e-5)


def test_afterwards_it_follows_what_was_seen():
    layer = dice()
    layer(S, training=True)
    expected = slow(S[:1], S.mean(axis=0), S.var(axis=0), [0.3, -0.2])
    assert_allclose(layer(S[:1]), expected, rtol=1e-4, atol=1e-5)


def test_before_any_training_mean_is_0_and_variance_1():
    assert_allclose(dice()(S), slow(S, [0, 0], [1, 1], [0.3, -0.2]), rtol=1e-4, atol=1e-5)


def test_first_batches_count_alike():
    layer = dice()
    for part in (S[:2], S[2:4], S[4:]):
        layer(part, training=True)
    mean, variance = moments(layer)
    assert_allclose(mean, S.mean(axis=0), rtol=1e-4)
    assert_allclose(variance, S.var(axis=0), rtol=1e-4)


def test_later_batches_are_worth_what_momentum_leaves():
    layer = dice(momentum=0.5)
    for value in (0.0, 0.0, 0.0, 8.0):
        layer(np.full((3, 2), value, np.float32), training=True)
    mean, variance = moments(layer)
    assert_allclose(mean, 4.0)
    assert_allclose(variance, 16.0)


def test_rows_one_by_one_give_the_variance_of_them_all():
    layer = dice()
    for row in S:
        layer(row[None], training=True)
    assert_allclose(moments(layer)[1], S.var(axis=0), rtol=1e-4)


def test_what_does_not_count_has_no_part():
    s = S.reshape(3, 2, 2)
    counts = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]], np.float32)
    layer = dice()
    layer(s, counts, training=True)
    mean, variance = moments(layer)
    assert_allclose(mean, S[:3].mean(axis=0), rtol=1e-4)
    assert_allclose(variance, S[:3].var(axis=0), rtol=1e-4)


@pytest.mark.parametrize("nothing", ["not finite", "nothing counts"])
def test_a_batch_that_says_nothing_moves_nothing(nothing):
    layer = dice()
    layer(S, training=True)
    before = layer.get_weights()
    if nothing == "not finite":
        layer(np.full((2, 2), np.nan, np.float32), training=True)
    else:
        layer(S, np.zeros(6, np.float32), training=True)
    for old, new in zip(before, layer.get_weights(), strict=True):
        assert_array_equal(old, new)


def test_a_batch_of_one_row_is_finite_and_has_finite_gradients():
    import tensorflow as tf

    s, layer = tf.constant(S[:1]), dice()
    with tf.GradientTape() as tape:
        tape.watch(s)
        out = layer(s, training=True)
    assert np.isfinite(out).all()
    assert np.isfinite(tape.gradient(out, s)).all()


def test_a_stack_has_the_layers_it_is_asked_for():
    x = keras.Input((3,))
    model = keras.Model(x, mlp(x, (4, 2), name="deep", activation=Dice, dropout=0.5))
    names = ["deep_0", "deep_0_dice", "deep_0_dropout", "deep_1", "deep_1_dice", "deep_1_dropout"]
    assert [layer.name for layer in model.layers[1:]] == names
    assert model.output.shape == (None, 2)
    assert mlp(x, (), name="deep", activation=Dice) is x
