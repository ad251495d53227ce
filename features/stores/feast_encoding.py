"""Columns to the bytes of Feast's `ValueProto`, without a protobuf object per value.

A `ValueProto` is a oneof, so that its bytes are one field: a tag (number << 3 | wire type), and

    float_val (6), double_val (5)      the number, little endian
    int64_val (4)                      a varint
    string_val (2)                     length, UTF-8
    string_list_val (12)               length, then per entry: 0x0a, length, UTF-8
    double_list_val (15)               length, then, unless empty: 0x0a, length, the packed numbers
    float_list_val (16)                the same

A null is no bytes at all. `tests/unit/features/stores/test_feast_values.py` compares every byte
with what Feast itself writes.

Reference: https://protobuf.dev/programming-guides/encoding/ and feast/types/Value.proto.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.feature import Dtype
from features.stores.binary import fixed, joined, joined_lists, lengths, sliced, texts, varints

INT64, STRING, STRING_LIST = b"\x20", b"\x12", b"\x62"
# A list of numbers: its tag, and a number as it stands in memory.
NUMBER_LISTS: dict[Dtype, tuple[bytes, np.dtype]] = {
    "float32_list": (b"\x82\x01", np.dtype("<f4")),
    "float64_list": (b"\x7a", np.dtype("<f8")),
}
# A fixed number and its tag, as they stand in memory.
CELLS = {
    "float32": (0x35, np.dtype([("tag", "u1"), ("value", "<f4")])),
    "float64": (0x29, np.dtype([("tag", "u1"), ("value", "<f8")])),
}
_ENTRY = b"\x0a"
_SECONDS, _NANOS = b"\x08", b"\x10"
_MICROSECONDS = 1_000_000


def encoded(column: pa.Array | pa.ChunkedArray, dtype: Dtype) -> pa.BinaryArray:
    """One stored value per row; a null is empty."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = _ENCODERS[dtype](whole)
    return pc.if_else(whole.is_valid(), values, b"") if whole.null_count else values


def cells_encoded(column: pa.Array | pa.ChunkedArray, dtype: Dtype) -> pa.BinaryArray | np.ndarray:
    """The same; what is of one size and has no nulls as structured cells."""
    if dtype not in CELLS or column.null_count:
        return encoded(column, dtype)
    return _cells(column, dtype)


def timestamps_encoded(column: pa.ChunkedArray | pa.Array) -> pa.BinaryArray:
    """A column of timestamps in microseconds as protobuf `Timestamp`s: what is 0 is left out."""
    moments = column.cast(pa.int64()).to_numpy()
    seconds, rest = np.divmod(moments, _MICROSECONDS)
    return joined(_unless_zero(_SECONDS, seconds), _unless_zero(_NANOS, rest * 1000))


def _unless_zero(tag: bytes, numbers: np.ndarray) -> pa.BinaryArray:
    field = joined(tag, varints(numbers))
    return field if numbers.all() else pc.if_else(pa.array(numbers != 0), field, b"")


def _encode_fixed(column: pa.Array, dtype: str) -> pa.BinaryArray:
    return fixed(_cells(column, dtype))


def _cells(column: pa.Array | pa.ChunkedArray, dtype: str) -> np.ndarray:
    tag, layout = CELLS[dtype]
    cells = np.empty(len(column), layout)
    cells["tag"] = tag
    cells["value"] = column.fill_null(0.0).to_numpy()
    return cells


def _encode_int64(column: pa.Array) -> pa.BinaryArray:
    return joined(INT64, varints(column.fill_null(0).to_numpy()))


def _encode_string(column: pa.Array) -> pa.BinaryArray:
    return _sized(STRING, texts(column.fill_null("")))


def _encode_string_list(column: pa.Array) -> pa.BinaryArray:
    entries = _sized(_ENTRY, texts(column.flatten()))
    return _sized(STRING_LIST, joined_lists(pa.ListArray.from_arrays(_offsets(column), entries)))


def _encode_number_list(column: pa.Array, dtype: Dtype) -> pa.BinaryArray:
    tag, number = NUMBER_LISTS[dtype]
    offsets = _offsets(column)
    numbers = column.flatten().to_numpy().astype(number, copy=False)
    entry = _sized(_ENTRY, sliced(numbers, offsets))
    is_empty = pa.array(np.diff(offsets) == 0)
    return _sized(tag, pc.if_else(is_empty, b"", entry))


def _offsets(column: pa.ListArray) -> np.ndarray:
    """Offsets of each row's entries in `column.flatten()`; nulls have none."""
    offsets = np.zeros(len(column) + 1, np.int32)
    np.cumsum(column.value_lengths().fill_null(0).to_numpy(), out=offsets[1:])
    return offsets


def _sized(tag: bytes, data: pa.BinaryArray) -> pa.BinaryArray:
    return joined(tag, varints(lengths(data)), data)


_ENCODERS: dict[Dtype, Callable[[pa.Array], pa.BinaryArray]] = {
    "float32": partial(_encode_fixed, dtype="float32"),
    "float64": partial(_encode_fixed, dtype="float64"),
    "int64": _encode_int64,
    "string": _encode_string,
    "string_list": _encode_string_list,
    "float32_list": partial(_encode_number_list, dtype="float32_list"),
    "float64_list": partial(_encode_number_list, dtype="float64_list"),
}
