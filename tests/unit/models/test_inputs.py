from dataclasses import replace

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs, embedded

ITEM = Field("item_id", width=4, rows=10)
RECENT = Field("recent", width=4, length=3, rows=10, shared_with="item_id", pooling="sum")
AGE = Field("age", "float")
SHAPE = Field("shape", "float", width=2)
ROWS = {
    "item_id": np.array([1, 2]),
    "recent": np.array([[1, 2, 0], [0, 0, 0]]),
    "age": np.array([0.5, 2.0], np.float32),
    "shape": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32),
}


def values(inputs, output):
    model = keras.Model(inputs, output)
    return model, keras.ops.convert_to_numpy(model({k: ROWS[k] for k in inputs}))


def test_embedded_joins_the_fields_in_their_order():
    inputs, x0 = embedded([AGE, ITEM, SHAPE, RECENT])
    model, joined = values(inputs, x0)
    table = keras.ops.convert_to_numpy(model.get_layer("embedding.item_id").embeddings)
    assert joined.shape == (2, 1 + 4 + 2 + 4)
    assert_allclose(joined[:, 0], ROWS["age"])
    assert_allclose(joined[:, 1:5], table[[1, 2]])
    assert_allclose(joined[:, 5:7], ROWS["shape"])
    assert_allclose(joined[:, 7:], [table[1] + table[2], np.zeros(4)])


def test_fields_that_share_a_table_have_one_layer():
    inputs, x0 = embedded([ITEM, RECENT])
    weights = keras.Model(inputs, x0).weights
    assert [w.path for w in weights] == ["embedding.item_id/embeddings"]


def test_a_role_is_a_table_of_its_own():
    inputs = FieldInputs([ITEM])
    inputs.vectors(ITEM)
    assert inputs.vectors(ITEM, role="linear", width=1).shape == (None, 1)
    assert sorted(inputs.tables) == ["item_id", "item_id:linear"]


def test_the_linear_term_is_the_sum_of_weights_times_values():
    inputs = FieldInputs([ITEM, RECENT, AGE, SHAPE])
    model, before = values(inputs.tensors, inputs.linear())
    rng = np.random.default_rng(0)
    w = {v.path: rng.random(v.shape, dtype=np.float32) for v in model.weights}
    for variable in model.weights:
        variable.assign(w[variable.path])
    _, after = values(inputs.tensors, model.output)
    item = w["linear.item_id/embeddings"]
    item[0] = 0.0
    expected = (
        item[ROWS["item_id"]]
        + item[ROWS["recent"]].sum(axis=1)
        + ROWS["age"][:, None] * w["linear.age/kernel"]
        + ROWS["shape"] @ w["linear.shape/kernel"]
    )
    assert before.shape == (2, 1)
    assert_allclose(after, expected, rtol=1e-5)


def test_one_field_alone_has_a_linear_term():
    assert FieldInputs([ITEM]).linear().shape == (None, 1)


def test_even_vectors_have_the_width_of_the_ids():
    vectors = FieldInputs([ITEM, RECENT, AGE, SHAPE]).even_vectors()
    assert [v.shape for v in vectors] == [(None, 4)] * 4


@pytest.mark.parametrize("fields", [[AGE], [ITEM, Field("user_id", width=8, rows=10)]])
def test_even_vectors_need_ids_of_one_width(fields):
    with pytest.raises(ConfigurationError, match="Ids must have one `width` for this network"):
        FieldInputs(fields).even_vectors()


def test_a_list_is_pooled_as_its_field_says_and_once():
    recent = replace(RECENT, pooling="din")
    inputs = FieldInputs([ITEM, recent])
    assert inputs.pooled(recent).shape == (None, 4)
    model, _ = values(inputs.tensors, keras.layers.Add()([inputs.pooled(recent)] * 2))
    paths = [w.path for w in model.weights]
    assert len(paths) == len(set(paths))
    assert "pooled.recent/weight/kernel" in paths


def test_attention_is_for_the_first_table_and_other_roles_are_pooled_by_mean():
    recent = replace(RECENT, pooling="transformer")
    inputs = FieldInputs([ITEM, recent])
    model, pooled = values(inputs.tensors, inputs.pooled(recent, role="linear", width=1))
    table = keras.ops.convert_to_numpy(model.get_layer("linear.item_id").embeddings)
    assert_allclose(pooled, [(table[1] + table[2]) / 2, np.zeros(1)], rtol=1e-6)


def test_the_target_of_a_list_is_looked_up_in_its_own_table():
    inputs = FieldInputs([ITEM, RECENT])
    model, target = values(inputs.tensors, inputs.target(RECENT))
    table = keras.ops.convert_to_numpy(model.get_layer("embedding.item_id").embeddings)
    assert_allclose(target, table[[1, 2]])


def test_a_list_without_a_target_is_refused_where_one_is_asked_for():
    alone = Field("tags", width=4, length=3)
    with pytest.raises(ConfigurationError) as error:
        FieldInputs([ITEM, alone]).target(alone)
    assert "The list 'tags' needs a target" in str(error.value)
    assert "Received: ['item_id', 'tags']." in str(error.value)


def test_times_are_inputs_and_no_features():
    when = Field("when", "float", width=3)
    recent = replace(RECENT, times="when")
    inputs = FieldInputs([ITEM, recent, when, AGE])
    assert [f.name for f in inputs.fields] == ["item_id", "recent", "age"]
    assert list(inputs.tensors) == ["item_id", "recent", "when", "age"]
    assert inputs.joined().shape == (None, 4 + 4 + 1)


def test_numbers_are_scaled_as_their_field_says_and_once():
    age, shape = replace(AGE, normalise="log"), replace(SHAPE, normalise="standard")
    inputs = FieldInputs([ITEM, age, shape])
    assert inputs.numbers(shape) is inputs.numbers(shape)
    model, joined = values(inputs.tensors, inputs.joined())
    assert_allclose(joined[:, 4], np.log1p(ROWS["age"]), rtol=1e-6)
    assert_allclose(joined[:, 5:], ROWS["shape"], rtol=1e-5)
    model({k: ROWS[k] for k in model.input}, training=True)
    _, after = values(inputs.tensors, model.output)
    assert_allclose(after[:, 5:], [[-1.0, -1.0], [1.0, 1.0]], rtol=1e-4)


def test_vectors_and_first_order_weights_take_scaled_numbers():
    age = replace(AGE, normalise="log")
    inputs = FieldInputs([ITEM, age])
    model, vector = values(inputs.tensors, inputs.even_vectors()[1])
    kernel = keras.ops.convert_to_numpy(model.get_layer("vector.age").kernel)
    assert_allclose(vector, np.log1p(ROWS["age"])[:, None] * kernel, rtol=1e-5)
