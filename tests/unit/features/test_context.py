"""Context as inputs: the same of a request and of the examples that come of it."""

import pyarrow as pa
import pytest

from features.context import (
    ContextColumn,
    arrays_from_examples,
    arrays_of,
    arrow_columns,
    context_columns,
    texts_of,
)
from millstream.domain import domain
from millstream.domain.context import ContextField
from millstream.ids import id64

COLUMNS = (
    ContextColumn("device", "unknown", 6, "device"),
    ContextColumn("placement", "", 64, "context_placement"),
)


@pytest.mark.parametrize(
    ("context", "placement", "device", "placed"),
    [
        ({"device": "phone"}, "home", "phone", "home"),
        ({"device": "television"}, "", "televi", ""),
        ({"device": "", "page": "x"}, "home", "unknown", "home"),
        ({"placement": "mail"}, "home", "unknown", "mail"),
        ({}, "", "unknown", ""),
    ],
)
def test_a_request_and_its_examples_have_the_same_inputs(context, placement, device, placed):
    texts = texts_of(context, placement, COLUMNS)
    assert texts == {"context_device": device, "context_placement": placed}
    table = pa.table(arrow_columns([texts, texts], COLUMNS))
    asked, learnt = arrays_of(texts, COLUMNS), arrays_from_examples(table, COLUMNS)
    assert asked["context_device"].tolist() == [id64(device)]
    assert {name: keys.tolist() for name, keys in learnt.items()} == {
        name: keys.tolist() * 2 for name, keys in asked.items()
    }


def test_examples_of_before_a_field_have_its_default():
    table = pa.table({"context_placement": pa.array([None, "home"], pa.string())})
    found = arrays_from_examples(table, COLUMNS)
    assert found["context_device"].tolist() == [id64("unknown")] * 2
    assert found["context_placement"].tolist() == [0, id64("home")]


def test_columns_are_those_of_the_domain():
    declared = {
        "device": ContextField(type="string", table="shared"),
        "page": ContextField(type="string"),
    }
    (device, page) = context_columns(domain().model_copy(update={"context": declared}))
    assert (device.table, page.table) == ("shared", "context_page")
    assert (page.model_input.name, page.model_input.side) == ("context_page", "context")
    assert context_columns(domain()) == ()
