import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from millstream.errors import ConfigurationError
from models.layers.field_embedding import FieldEmbedding
from models.rows import RowInit

RNG = np.random.default_rng(0)


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("ids", [np.array([1, 3]), np.array([[1, 0], [2, 2]])])
def test_ids_become_their_rows_and_padding_zeros(ids):
    layer = FieldEmbedding("item_id", 4, rows=5)
    vectors = values(layer(ids))
    table = values(layer.embeddings).copy()
    table[0] = 0.0
    assert_array_equal(vectors, table[ids])


def test_padding_is_zero_whatever_its_row_holds():
    layer = FieldEmbedding("item_id", 4, rows=5)
    layer(np.array([1]))
    layer.embeddings.assign(np.ones((5, 4)))
    assert_array_equal(values(layer(np.array([0, 1]))), [[0.0] * 4, [1.0] * 4])


def test_the_gradient_of_a_row_is_the_sum_over_its_uses_and_padding_has_none():
    layer = FieldEmbedding("item_id", 2, rows=4)
    ids, weights = np.array([[1, 0, 3], [3, 3, 0]]), RNG.random((2, 3, 2), dtype=np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * layer(ids))
    expected = np.zeros((4, 2))
    np.add.at(expected, ids, weights)
    expected[0] = 0.0
    gradient = tape.gradient(loss, layer.embeddings.value)
    assert_allclose(gradient, expected, rtol=1e-6)


def test_rows_begin_as_those_of_a_dynamic_table_do():
    init = RowInit("normal", 0.3)
    layer = FieldEmbedding("item_id", 4, rows=5, init=init)
    ids = np.array([4, 2])
    assert_array_equal(values(layer(ids)), init.rows(ids, 4, "item_id"))


def test_its_config_makes_it_again():
    layer = FieldEmbedding("item_id:linear", 4, rows=5, init=RowInit("normal", 0.3))
    again = FieldEmbedding.from_config(layer.get_config())
    assert again.name == "linear.item_id"
    assert (again.table, again.width, again.rows) == ("item_id:linear", 4, 5)
    assert again.init == RowInit("normal", 0.3)


def test_without_rows_it_gives_shapes_but_no_values():
    layer = FieldEmbedding("item_id", 4)
    assert layer(keras.Input((3,), dtype="int64")).shape == (None, 3, 4)
    assert layer.weights == []
    with pytest.raises(ConfigurationError, match="`rows` of table 'item_id' must be given"):
        layer(np.array([1]))
