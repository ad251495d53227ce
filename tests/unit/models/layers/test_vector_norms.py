import numpy as np
import tensorflow as tf
from numpy.testing import assert_allclose

from models.layers.vector_norms import VectorNorms


def test_it_gives_the_length_of_each_vector():
    x = np.array([[[3.0, 4.0], [0.0, 0.0]]], np.float32)
    assert_allclose(VectorNorms()(x), [[5.0, 0.0]])


def test_no_gradient_goes_back():
    x = tf.zeros((1, 2, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(VectorNorms()(x))
    assert tape.gradient(y, x) is None
