import keras
import numpy as np
from numpy.testing import assert_allclose

from models.layers.initialisers import glorot_each


def test_many_matrices_are_drawn_as_each_alone_would_be():
    keras.utils.set_random_seed(0)
    drawn = keras.ops.convert_to_numpy(glorot_each(50)((50, 20, 10)))
    limit = np.sqrt(6 / (20 + 10))
    assert np.abs(drawn).max() <= limit
    assert_allclose(drawn.std(axis=(1, 2)), limit / np.sqrt(3), rtol=0.2)
    assert not np.allclose(drawn[0], drawn[1])
