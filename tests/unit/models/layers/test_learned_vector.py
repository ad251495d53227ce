import keras
import numpy as np
from numpy.testing import assert_array_equal

from models.layers.learned_vector import LearnedVector


def test_every_row_has_the_same_vector_which_is_not_zero():
    keras.utils.set_random_seed(0)
    layer = LearnedVector(4)
    rows = keras.ops.convert_to_numpy(layer(np.ones((3, 2), np.float32)))
    assert rows.shape == (3, 4)
    assert_array_equal(rows, np.repeat(rows[:1], 3, axis=0))
    assert (rows != 0).all()


def test_its_config_makes_it_again():
    again = LearnedVector.from_config(LearnedVector(3, name="v").get_config())
    assert (again.width, again.name) == (3, "v")
