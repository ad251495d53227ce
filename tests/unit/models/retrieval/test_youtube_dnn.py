"""The age of an example teaches, and is 0 when lists are made."""

import keras
import numpy as np
from numpy.testing import assert_allclose

from models.fields import Field
from models.retrieval.youtube_dnn import youtube_dnn

FIELDS = [
    Field("recent", width=4, rows=9, length=3, shared_with="item_id", belongs_to="user"),
    Field("example_age", "float", belongs_to="context"),
    Field("item_id", width=4, rows=9, belongs_to="item"),
]


def test_training_sees_the_age_and_serving_has_it_at_zero():
    keras.utils.set_random_seed(0)
    model = youtube_dnn(FIELDS, hidden=(8,))
    recent = np.array([[1, 2, 0], [3, 0, 0]])

    def learnt(age):
        given = {"recent": recent, "example_age": np.full(2, age, np.float32)}
        return keras.ops.convert_to_numpy(model.learning[0](given)["query"])

    assert list(model.query.input) == ["recent"]
    served = keras.ops.convert_to_numpy(model.query({"recent": recent}))
    assert_allclose(served, learnt(0.0), atol=1e-6)
    assert not np.allclose(served, learnt(5.0))


def test_a_class_has_a_row_of_its_own_beside_the_one_that_histories_are_read_with():
    model = youtube_dnn(FIELDS, hidden=(8,))
    names = {layer.name for layer in model.model.layers}
    assert {"embedding.item_id", "class.item_id"} <= names
