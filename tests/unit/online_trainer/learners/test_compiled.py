"""A compiled step takes NumPy arrays of any number of rows, and is traced once."""

import numpy as np
import pytest
import tensorflow as tf

from online_trainer.learners.compiled import CompiledStep


def test_arrays_come_in_as_they_are_nested_and_nothing_is_traced_again():
    traced = []

    def step(inputs, flat, weights):
        traced.append(1)
        return tf.reduce_sum(inputs["b"] * weights) + tf.cast(inputs["a"][0], tf.float32), flat

    columns = {"b": tf.TensorSpec((None,), tf.float32), "a": tf.TensorSpec((None,), tf.int64)}
    own = CompiledStep(step, (columns, tf.TensorSpec((None, 2), tf.float32), columns["b"]))
    assert not traced  # only when it is called: many are built and never learn
    for rows in (2, 5):
        given = {"a": np.full(rows, 7, np.int64), "b": np.arange(rows, dtype=np.float64)}
        flat = np.ones((rows, 2), np.float32)
        total, same = own(given, flat, np.ones(rows, np.float32))
        assert float(total) == pytest.approx(rows * (rows - 1) / 2 + 7)
        assert same.numpy().tolist() == flat.tolist()
    assert len(traced) == 1
