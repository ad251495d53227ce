"""The contracts of networks: what keeps them, and what is caught."""

import keras
import pytest

from millstream.testing import ranker_contract, retriever_contract
from models.fields import Field
from models.inputs import FieldInputs
from models.ranking.lr import lr
from models.retrieval.two_tower import two_tower


def two_outputs(fields, *, hidden=4):
    inputs = FieldInputs(fields)
    return keras.Model(inputs.tensors, keras.layers.Dense(2, name="out")(inputs.joined()))


def of_the_batch(fields):
    inputs = FieldInputs(fields)
    x = keras.layers.Dense(1, name="out")(inputs.joined())
    return keras.Model(inputs.tensors, x - keras.ops.mean(x, axis=0, keepdims=True))


def nameless(fields):
    inputs = FieldInputs(fields)
    return keras.Model(inputs.tensors, keras.layers.Dense(1)(inputs.joined()))


def idle(fields):
    inputs = FieldInputs(fields)
    x = keras.ops.stop_gradient(keras.layers.Dense(4, name="idle")(inputs.joined()))
    return keras.Model(inputs.tensors, keras.layers.Dense(1, name="out")(x))


def test_networks_of_the_package_keep_them():
    ranker_contract(lr)
    retriever_contract(two_tower, hidden=(8,), dim=4)


@pytest.mark.parametrize(
    ("builder", "text"),
    [
        (two_outputs, r"must give \(batch, 1\) scores. Received: \(6, 2\)"),
        (of_the_batch, "alone as among others"),
        (nameless, "same names and shapes: name its layers"),
        (idle, r"Every weight must have a gradient. Received none for \['idle"),
        (lambda fields: 3, "must build a keras.Model. Received: 3"),
        (lambda fields: lr([*fields, Field("moon", "float")]), r"Received: \['moon'\]"),
    ],
)
def test_a_ranker_that_breaks_it_is_told(builder, text):
    with pytest.raises(AssertionError, match=text):
        ranker_contract(builder)


def test_a_retriever_that_breaks_it_is_told():
    with pytest.raises(AssertionError, match="must build a RetrievalModel. Received: Functional"):
        retriever_contract(lr)
