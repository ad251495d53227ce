import dataclasses

import pytest

from millstream.errors import ConfigurationError
from models.fields import POOLINGS, Field, Task, checked
from models.layers import pooling
from models.rows import RowInit


def test_a_field_has_its_own_table_unless_it_shares_one():
    assert Field("item_id", width=8).table == "item_id"
    assert Field("recent", width=8, length=5, shared_with="item_id").table == "item_id"


@pytest.mark.parametrize(
    ("field", "shape"),
    [
        (Field("item_id", width=8), ()),
        (Field("recent", width=8, length=5), (5,)),
        (Field("age", "float"), ()),
        (Field("vector", "float", width=3), (3,)),
    ],
)
def test_the_shape_is_that_of_one_example(field, shape):
    assert field.shape == shape


def test_a_field_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Field("item_id").width = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "a:b"}, "`name` of field 'a:b' must be letters, digits"),
        ({"name": ""}, "`name` of field '' must be letters"),
        ({"dtype": "int"}, "`dtype` of field 'x' must be 'id' or 'float'. Received: 'int'."),
        ({"width": 0}, "`width` of field 'x' must be a whole number above 0. Received: 0."),
        ({"width": True}, "`width` of field 'x' must be a whole number"),
        ({"length": -1}, "`length` of field 'x' must be None or a whole number above 0"),
        ({"rows": 0}, "`rows` of field 'x' must be None or a whole number above 0"),
        ({"dtype": "float", "length": 3}, "`length` of field 'x' must be None where `dtype`"),
        ({"dtype": "float", "rows": 3}, "`rows` of field 'x' must be None where `dtype`"),
        ({"dtype": "float", "shared_with": "y"}, "`shared_with` of field 'x' must be None"),
        ({"shared_with": "a b"}, "`shared_with` of field 'x' must be letters"),
        ({"belongs_to": "shop"}, "`belongs_to` of field 'x' must be None or one of"),
        ({"pooling": "max"}, "`pooling` of field 'x' must be one of ('mean', 'sum')"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(given, message):
    with pytest.raises(ConfigurationError) as error:
        Field(**{"name": "x", **given})
    assert message in str(error.value)


def test_fields_that_fit_together_come_back_as_they_are():
    fields = [Field("item_id", width=8), Field("recent", width=8, length=5, shared_with="item_id")]
    assert checked(iter(fields)) == tuple(fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "`fields` must not be empty"),
        ([Field("a"), Field("b"), Field("a")], "Received twice: ['a']."),
        (
            [Field("a", width=4), Field("b", width=8, shared_with="a")],
            "must have the same `width`. Received: 4 for 'a', 8 for 'b'.",
        ),
        ([Field("a", rows=4), Field("b", shared_with="a")], "must have the same `rows`"),
        (
            [Field("a"), Field("b", shared_with="a", init=RowInit("zeros"))],
            "must have the same `init`",
        ),
    ],
)
def test_fields_that_do_not_fit_together_are_refused(fields, message):
    with pytest.raises(ConfigurationError) as error:
        checked(fields)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": ""}, "`name` of a task must not be empty"),
        ({"name": "click", "kind": "rank"}, "`kind` of task 'click' must be 'binary' or"),
    ],
)
def test_a_task_that_cannot_work_is_refused(given, message):
    with pytest.raises(ConfigurationError) as error:
        Task(**given)
    assert message in str(error.value)


def test_every_pooling_that_a_field_may_name_is_a_layer():
    assert set(POOLINGS) == set(pooling.POOLINGS)
