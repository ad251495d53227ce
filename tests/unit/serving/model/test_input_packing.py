import keras
import numpy as np
import tensorflow as tf
from numpy.testing import assert_array_equal

from serving.model.input_packing import packings

INPUTS = [
    keras.Input((), dtype="float32", name="age"),
    keras.Input((3,), dtype="int64", name="recent"),
    keras.Input((3, 2), dtype="float32", name="recent:vectors"),
    keras.Input((), dtype="int64", name="hour"),
]
ARRAYS = {
    "age": np.array([0.5, 1.5], np.float32),
    "recent": np.array([[2**62, 5, 0], [7, 0, 0]]),
    "recent:vectors": np.arange(12, dtype=np.float32).reshape(2, 3, 2),
    "hour": np.array([3, 4]),
}


def test_what_was_packed_comes_out_as_it_went_in():
    parts = packings(INPUTS)
    found = {
        name: tensor.numpy()
        for part in parts
        for name, tensor in part.unpacked(tf.constant(part.packed(ARRAYS, 2))).items()
    }
    assert sorted(found) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert_array_equal(found[name], array)


def test_there_is_one_array_for_each_dtype():
    assert sorted((part.dtype.name, part.width) for part in packings(INPUTS)) == [
        ("float32", 7),
        ("int64", 4),
    ]
    assert packings([]) == []
