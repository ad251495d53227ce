import numpy as np
from numpy.testing import assert_array_equal

from models.layers.stacked import stacked


def test_fields_lie_one_after_the_other_as_they_came():
    vectors = [np.random.default_rng(i).random((3, 4), np.float32) for i in range(5)]
    assert_array_equal(np.array(stacked(vectors)), np.stack(vectors, axis=1))


def test_one_field_is_a_stack_too():
    assert stacked([np.ones((3, 4), np.float32)]).shape == (3, 1, 4)
