import numpy as np
from numpy.testing import assert_allclose

from models.layers.bias import Bias, Constant

X = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)


def test_a_bias_is_added_to_each_unit_and_begins_at_0():
    layer = Bias()
    assert_allclose(layer(X), X)
    layer.bias.assign([0.5, -1.0])
    assert_allclose(layer(X), [[1.5, 1.0], [3.5, 3.0]])


def test_a_constant_is_the_same_in_every_row_whatever_the_input_and_begins_at_1():
    layer = Constant()
    assert_allclose(layer(X), [[1.0], [1.0]])
    layer.bias.assign([0.5])
    assert_allclose(layer(X), [[0.5], [0.5]])
