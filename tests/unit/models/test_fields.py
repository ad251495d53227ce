import dataclasses

import pytest

from millstream.errors import ConfigurationError
from models.fields import NORMALISATIONS, POOLINGS, Field, Task, checked, target_of
from models.layers import normalise, pooling
from models.rows import RowInit
from models.task_names import outputs_of, tasks_in, tasks_of


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
        ({"pooling": "max"}, "`pooling` of field 'x' must be one of ('mean', 'sum', 'din', "),
        ({"target": "y"}, "`target` of field 'x' must be None without a `length`"),
        ({"times": "y"}, "`times` of field 'x' must be None without a `length`"),
        ({"length": 3, "target": "a b"}, "`target` of field 'x' must be letters, digits"),
        ({"length": 3, "times": ""}, "`times` of field 'x' must be letters, digits"),
        ({"normalise": "log"}, "`normalise` of field 'x' must be 'none' for an id"),
        ({"dtype": "float", "normalise": "max"}, "`normalise` of field 'x' must be one of ('none"),
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
        (
            [Field("a", length=3, pooling="din")],
            "`target` of field 'a' must name a single id of width 1 among the fields. "
            "Received: None.",
        ),
        ([Field("a", length=3, target="b")], "Received: 'b'."),
        ([Field("a", length=3, target="b"), Field("b", length=3)], "`target` of field 'a' must"),
        ([Field("a", length=3, target="b"), Field("b", "float")], "`target` of field 'a' must"),
        (
            [Field("a", length=3, target="b", width=4), Field("b", width=8)],
            "`target` of field 'a' must name a single id of width 4",
        ),
        (
            [Field("a", length=3, times="t")],
            "`times` of field 'a' must name a float of width 3 among the fields. Received: 't'.",
        ),
        ([Field("a", length=3, times="t"), Field("t", "float", width=2)], "a float of width 3"),
        ([Field("a", length=3, times="t"), Field("t", width=3)], "a float of width 3"),
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
        (
            {"name": "click", "kind": "rank"},
            "`kind` of task 'click' must be 'binary', 'regression'",
        ),
        ({"name": "end", "kind": "multiclass"}, "`classes` of task 'end' must be two or more of"),
        ({"name": "end", "classes": ("a", "b")}, "`classes` of task 'end' must be two or more of"),
    ],
)
def test_a_task_that_cannot_work_is_refused(given, message):
    with pytest.raises(ConfigurationError) as error:
        Task(**given)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ([Field("a", length=3, shared_with="item"), Field("item")], "item"),
        ([Field("a", length=3, target="other"), Field("a_", width=1), Field("other")], "other"),
        ([Field("a", length=3), Field("item")], None),
        ([Field("a", length=3, shared_with="item"), Field("item", "float")], None),
        ([Field("a", length=3, shared_with="item"), Field("item", length=2)], None),
        (
            [
                Field("a", width=2, length=3, shared_with="item"),
                Field("item", width=4, shared_with="b"),
            ],
            None,
        ),
    ],
)
def test_the_target_of_a_list_is_the_one_it_names_or_that_whose_table_it_uses(fields, target):
    found = target_of(fields[0], fields)
    assert (found and found.name) == target


def test_every_pooling_and_scaling_that_a_field_may_name_is_a_layer():
    assert set(POOLINGS) == {*pooling.POOLINGS, *pooling.TARGET_POOLINGS}
    assert set(NORMALISATIONS) == {"none", *normalise.NORMALISERS}


def test_a_network_has_an_output_for_each_class_and_its_builders_take_no_task_of_several():
    end = Task("end", "multiclass", ("left", "bought"))
    assert [output.name for output in outputs_of([Task("click"), end])] == [
        "click",
        "end.left",
        "end.bought",
    ]
    assert tasks_in({"tasks": ["click", "end:multiclass(left,bought)"]}) == (Task("click"), end)
    with pytest.raises(ConfigurationError, match="must have one output each: end.left, end.bought"):
        tasks_of(["click", end])
