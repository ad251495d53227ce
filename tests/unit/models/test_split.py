import keras
import numpy as np
import pytest

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs, embedded
from models.ranking.dcn_v2 import dcn_v2
from models.ranking.deepfm import deepfm
from models.rows import RowInit
from models.split import split
from models.tables import Lookup, TableSpec

USER = Field("user_id", width=4)
ITEM = Field("item_id", width=4, init=RowInit("normal", 0.1))
RECENT = Field("recent", width=4, length=3, shared_with="item_id", init=RowInit("normal", 0.1))


def test_lookups_say_which_rows_go_where():
    parts = split(dcn_v2([USER, ITEM, RECENT], hidden=(4,)))
    assert parts.lookups == (
        Lookup("item_id", "item_id", "item_id:vectors"),
        Lookup("recent", "item_id", "recent:vectors"),
        Lookup("user_id", "user_id", "user_id:vectors"),
    )
    assert parts.tables == {
        "item_id": TableSpec("item_id", 4, RowInit("normal", 0.1)),
        "user_id": TableSpec("user_id", 4, RowInit("uniform", 0.05)),
    }
    assert parts.body.input["recent:vectors"].shape == (None, 3, 4)


def test_a_field_may_be_looked_up_in_two_tables():
    parts = split(deepfm([ITEM, RECENT], hidden=(4,)))
    assert parts.lookups == (
        Lookup("item_id", "item_id:linear", "item_id:linear:vectors"),
        Lookup("item_id", "item_id", "item_id:vectors"),
        Lookup("recent", "item_id:linear", "recent:linear:vectors"),
        Lookup("recent", "item_id", "recent:vectors"),
    )
    assert parts.tables["item_id:linear"] == TableSpec("item_id:linear", 1, RowInit("zeros"))


def test_a_field_that_is_looked_up_twice_has_one_input():
    inputs = FieldInputs([ITEM])
    total = keras.layers.Add()([inputs.vectors(ITEM), inputs.vectors(ITEM)])
    parts = split(keras.Model(inputs.tensors, total))
    assert parts.lookups == (Lookup("item_id", "item_id", "item_id:vectors"),)
    row = np.ones((1, 4), np.float32)
    assert (
        parts.body.predict({"item_id": np.array([5]), "item_id:vectors": row}, verbose=0) == 2
    ).all()


def test_a_network_without_rows_runs_only_when_split():
    model = dcn_v2([USER, ITEM], hidden=(4,))
    with pytest.raises(ConfigurationError, match="`rows` of table 'user_id' must be given"):
        model({"user_id": np.array([1]), "item_id": np.array([2])})


def test_tables_in_a_nested_model_are_refused():
    inner = dcn_v2([USER, ITEM], hidden=(4,))
    outer = keras.Model(inner.input, inner(inner.input), name="outer")
    with pytest.raises(ConfigurationError) as error:
        split(outer)
    assert "the nested model 'dcn_v2' with tables ['item_id', 'user_id']" in str(error.value)


def test_a_network_without_ids_is_its_own_body():
    inputs, x = embedded([Field("age", "float")])
    parts = split(keras.Model(inputs, keras.layers.Dense(1)(x)))
    assert parts.lookups == ()
    assert list(parts.body.input) == ["age"]
