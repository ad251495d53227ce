"""Our bytes against Feast's own: a Feast that changes its format fails here."""

import math

import numpy as np
import pyarrow as pa
import pytest
from feast.protos.feast.types.Value_pb2 import (
    DoubleList,
    FloatList,
    StringList,
    Value,
)
from hypothesis import given
from hypothesis import strategies as st

from features.feature import Feature
from features.rows import arrow_type
from features.spec import ITEM_STATS
from features.stores.binary import varints
from features.stores.feast_encoding import encoded
from features.stores.feast_values import decoded, decoded_value, read_varint

FEATURES = {
    "float32": Feature("item_a", ITEM_STATS, "float32", default=1.5),
    "float64": Feature("item_b", ITEM_STATS, "float64", default=2.5),
    "int64": Feature("item_c", ITEM_STATS, "int64", default=-3),
    "string": Feature("item_d", ITEM_STATS, "string", default="none"),
    "string_list": Feature("item_e", ITEM_STATS, "string_list", default=("x",), length=9),
    "float32_list": Feature("item_f", ITEM_STATS, "float32_list", default=(0.5,), length=9),
    "float64_list": Feature("item_g", ITEM_STATS, "float64_list", default=(0.5,), length=9),
}
FEAST = {
    "float32": lambda value: Value(float_val=value),
    "float64": lambda value: Value(double_val=value),
    "int64": lambda value: Value(int64_val=value),
    "string": lambda value: Value(string_val=value),
    "string_list": lambda value: Value(string_list_val=StringList(val=value)),
    "float32_list": lambda value: Value(float_list_val=FloatList(val=value)),
    "float64_list": lambda value: Value(double_list_val=DoubleList(val=value)),
}
TEXT = st.text(max_size=200)
FLOAT32 = st.floats(width=32)
VALUES = {
    "float32": FLOAT32,
    "float64": st.floats(),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "string": TEXT,
    "string_list": st.lists(TEXT, max_size=40),
    "float32_list": st.lists(FLOAT32, max_size=40),
    "float64_list": st.lists(st.floats(), max_size=40),
}
KINDS = sorted(VALUES)


@st.composite
def columns(draw):
    kind = draw(st.sampled_from(KINDS))
    values = draw(st.lists(st.none() | VALUES[kind], max_size=12))
    return FEATURES[kind], pa.array(values, arrow_type(FEATURES[kind])), values


def same(left, right):
    """Equal, with NaN equal to itself."""
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and math.isnan(left):
        return math.isnan(right)
    return left == right


@given(columns())
def test_values_are_the_bytes_that_feast_writes(drawn):
    feature, column, values = drawn
    expected = [
        b"" if value is None else FEAST[feature.dtype](value).SerializeToString()
        for value in values
    ]
    assert encoded(column, feature.dtype).to_pylist() == expected


@given(columns())
def test_one_value_is_read_as_a_column_is(drawn):
    feature, column, _ = drawn
    stored = encoded(column, feature.dtype).to_pylist()
    expected = decoded(stored, feature).to_pylist()
    assert same([decoded_value(value, feature) for value in stored], expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stored", [None, b"", b"\x35", b"\x12\x01a", b"\x20\x05", b"\x62\x00"])
def test_a_single_value_of_another_type_is_the_default_as_in_a_column(kind, stored):
    (expected,) = decoded([stored], FEATURES[kind]).to_pylist()
    assert same(decoded_value(stored, FEATURES[kind]), expected)


@given(columns())
def test_what_was_written_is_read_and_a_null_is_the_default(drawn):
    feature, column, values = drawn
    expected = [feature.default if value is None else value for value in values]
    assert same(decoded(encoded(column, feature.dtype).to_pylist(), feature).to_pylist(), expected)


@given(columns(), st.integers(0, 12), st.integers(0, 12))
def test_a_slice_of_a_column_is_written_like_the_column(drawn, start, length):
    feature, column, _ = drawn
    whole = encoded(column, feature.dtype).slice(start, length)
    assert encoded(column.slice(start, length), feature.dtype).equals(whole)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_a_value_of_another_type_is_the_default(kind, other):
    feature = FEATURES[kind]
    stored = [FEAST[other](FEATURES[other].default).SerializeToString(), None, b""]
    value = FEATURES[other].default if other == kind else feature.default
    expected = [value, feature.default, feature.default]
    assert same(decoded(stored, feature).to_pylist(), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_without_rows_is_a_column(kind):
    feature = FEATURES[kind]
    assert decoded([], feature).equals(pa.array([], arrow_type(feature)))


@given(st.integers(0, 2**64 - 1), st.binary(max_size=4))
def test_a_varint_is_read_as_it_was_written(number, rest):
    (written,) = varints(np.array([number], np.uint64)).to_pylist()
    data = b"\x08" + written
    assert read_varint(data + rest, 1) == (number, len(data))


def test_half_a_varint_is_refused():
    with pytest.raises(ValueError, match="Expected a varint. Received: '80'"):
        read_varint(b"\x80", 0)
