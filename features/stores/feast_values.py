"""Columns to the bytes of Feast's `ValueProto` and back, without a protobuf object per value.

A `ValueProto` is a oneof, so that its bytes are one field: a tag (number << 3 | wire type), and

    float_val (6), double_val (5)      the number, little endian
    int64_val (4)                      a varint
    string_val (2)                     length, UTF-8
    string_list_val (12)               length, then per entry: 0x0a, length, UTF-8
    float_list_val (16)                length, then, unless empty: 0x0a, length, the packed numbers

A null is no bytes at all. What is read and is not of the feature's type (a feature that changed its
type keeps its name) is missing, not an error. `tests/unit/features/stores/test_feast_values.py`
compares every byte with what Feast itself writes.

Reference: https://protobuf.dev/programming-guides/encoding/ and feast/types/Value.proto.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache, partial

import numpy as np
import pyarrow as pa

from features.feature import Dtype, Feature
from features.rows import arrow_type

Values = list[bytes]
Stored = bytes | None

_INT64, _STRING, _STRING_LIST = b"\x20", b"\x12", b"\x62"
_FLOAT_LIST = b"\x82\x01"
_ENTRY = b"\x0a"
_CELLS = {
    "float32": (0x35, np.dtype([("tag", "u1"), ("value", "<f4")])),
    "float64": (0x29, np.dtype([("tag", "u1"), ("value", "<f8")])),
}


def encoded(column: pa.Array | pa.ChunkedArray, dtype: Dtype) -> Values:
    """One stored value per row; a null is empty."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = _ENCODERS[dtype](whole)
    if whole.null_count:
        valid = whole.is_valid().to_pylist()
        return [value if there else b"" for value, there in zip(values, valid, strict=True)]
    return values


def decoded(stored: Sequence[Stored], feature: Feature) -> pa.Array:
    """The column of a feature; what is missing or of another type is the feature's default."""
    return _DECODERS[feature.dtype](stored, _default_of(feature))


def varint(number: int) -> bytes:
    """A number as protobuf's varint; a negative one as the 64-bit two's complement.

    >>> varint(300).hex()
    'ac02'
    """
    if 0 <= number < len(_SHORT):
        return _SHORT[number]
    return _varint(number)


def _varint(number: int) -> bytes:
    rest = number & 0xFFFF_FFFF_FFFF_FFFF
    digits = bytearray()
    while rest > 0x7F:
        digits.append(rest & 0x7F | 0x80)
        rest >>= 7
    digits.append(rest)
    return bytes(digits)


# Lengths are short numbers, and most of what is written are lengths.
_SHORT = [_varint(number) for number in range(1024)]


def read_varint(data: bytes, start: int) -> tuple[int, int]:
    """The varint at `start`, and where it ends."""
    number = shift = 0
    for place in range(start, len(data)):
        number |= (data[place] & 0x7F) << shift
        if data[place] < 0x80:
            return number, place + 1
        shift += 7
    raise ValueError(f"Expected a varint. Received: {data[start:].hex()!r}.")


@cache
def _default_of(feature: Feature) -> bytes:
    return encoded(pa.array([feature.default], arrow_type(feature)), feature.dtype)[0]


# Writing.


def _encode_fixed(column: pa.Array, dtype: str) -> Values:
    tag, layout = _CELLS[dtype]
    cells = np.empty(len(column), layout)
    cells["tag"] = tag
    cells["value"] = column.fill_null(0.0).to_numpy()
    return cells.view(f"V{layout.itemsize}").tolist()


def _encode_int64(column: pa.Array) -> Values:
    return [_INT64 + varint(value) for value in column.fill_null(0).to_pylist()]


def _encode_string(column: pa.Array) -> Values:
    return [_STRING + _sized(value.encode()) for value in column.fill_null("").to_pylist()]


def _encode_string_list(column: pa.Array) -> Values:
    entries = list(map(_string_entry, column.flatten().to_pylist()))
    return [_STRING_LIST + _sized(b"".join(entries[start:stop])) for start, stop in _slices(column)]


def _encode_float_list(column: pa.Array) -> Values:
    packed = column.flatten().to_numpy().astype("<f4", copy=False).tobytes()
    return [
        _FLOAT_LIST + _sized(_ENTRY + _sized(packed[4 * start : 4 * stop]) if stop > start else b"")
        for start, stop in _slices(column)
    ]


def _slices(column: pa.Array) -> Iterable[tuple[int, int]]:
    """Where each row's entries begin and end in `column.flatten()`; nulls have none."""
    lengths = column.value_lengths().fill_null(0).to_numpy()
    stops = np.cumsum(lengths)
    return zip((stops - lengths).tolist(), stops.tolist(), strict=True)


def _sized(data: bytes) -> bytes:
    return varint(len(data)) + data


@lru_cache(maxsize=65_536)
def _string_entry(text: str) -> bytes:
    return _ENTRY + _sized(text.encode())


# Reading.


def _decode_fixed(stored: Sequence[Stored], default: bytes, dtype: str) -> pa.Array:
    tag, layout = _CELLS[dtype]
    whole = b"".join([value or default for value in stored])
    if len(whole) == len(stored) * layout.itemsize:
        cells = np.frombuffer(whole, layout)
        if (cells["tag"] == tag).all():
            return pa.array(cells["value"].copy())
    size, first = layout.itemsize, bytes([tag])
    fitting = [v if v and len(v) == size and v.startswith(first) else default for v in stored]
    return pa.array(np.frombuffer(b"".join(fitting), layout)["value"].copy())


def _decode_int64(stored: Sequence[Stored], default: bytes) -> pa.Array:
    numbers = (read_varint(value, 1)[0] for value in _of_type(stored, _INT64, default))
    return pa.array([n - (1 << 64) if n >> 63 else n for n in numbers], pa.int64())


def _decode_string(stored: Sequence[Stored], default: bytes) -> pa.Array:
    values = _of_type(stored, _STRING, default)
    return pa.array([_body(value, 1).decode() for value in values], pa.string())


def _decode_string_list(stored: Sequence[Stored], default: bytes) -> pa.Array:
    rows = list(map(_strings, _of_type(stored, _STRING_LIST, default)))
    return pa.array(rows, pa.list_(pa.string()))


def _decode_float_list(stored: Sequence[Stored], default: bytes) -> pa.Array:
    bodies = [_body(value, 2) for value in _of_type(stored, _FLOAT_LIST, default)]
    rows = [_body(body, 1) if body else b"" for body in bodies]
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([len(row) // 4 for row in rows], out=offsets[1:])
    numbers = np.frombuffer(b"".join(rows), "<f4")
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(numbers))


def _of_type(stored: Sequence[Stored], tag: bytes, default: bytes) -> Values:
    return [value if value and value.startswith(tag) else default for value in stored]


def _body(data: bytes, start: int) -> bytes:
    """What follows the tag, which ends at `start`, and the length."""
    if data[start] < 0x80:
        return data[start + 1 :]
    return data[read_varint(data, start)[1] :]


@lru_cache(maxsize=16_384)
def _strings(value: bytes) -> tuple[str, ...]:
    """The entries of one string list; items share their lists of categories."""
    body = _body(value, 1)
    entries, place = [], 0
    while place < len(body):
        length, start = read_varint(body, place + 1)
        place = start + length
        entries.append(body[start:place].decode())
    return tuple(entries)


_ENCODERS: dict[Dtype, Callable[[pa.Array], Values]] = {
    "float32": partial(_encode_fixed, dtype="float32"),
    "float64": partial(_encode_fixed, dtype="float64"),
    "int64": _encode_int64,
    "string": _encode_string,
    "string_list": _encode_string_list,
    "float32_list": _encode_float_list,
}
_DECODERS: dict[Dtype, Callable[[Sequence[Stored], bytes], pa.Array]] = {
    "float32": partial(_decode_fixed, dtype="float32"),
    "float64": partial(_decode_fixed, dtype="float64"),
    "int64": _decode_int64,
    "string": _decode_string,
    "string_list": _decode_string_list,
    "float32_list": _decode_float_list,
}
