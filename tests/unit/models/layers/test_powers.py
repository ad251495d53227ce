import numpy as np
import tensorflow as tf
from numpy.testing import assert_allclose

from models.layers.powers import Powers


def test_squares_and_roots_stand_beside_the_values():
    x = np.array([[0.25, 1.0], [0.0, 0.5]], np.float32)
    expected = [[0.25, 1, 0.0625, 1, 0.5, 1], [0, 0.5, 0, 0.25, 0, np.sqrt(0.5)]]
    assert_allclose(Powers()(x), expected, rtol=1e-6)


def test_a_zero_gives_no_infinite_slope():
    x = tf.zeros((1, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(Powers()(x))
    assert tape.gradient(y, x) is None
