"""The bytes of Feast's `ValueProto` to columns, without a protobuf object per value.

`features/stores/feast_encoding.py` says how they are made. What is not of the feature's type (a
feature that changed its type keeps its name) is missing, not an error.
"""

import struct
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
import pyarrow as pa

from features.feature import Dtype, Feature
from features.rows import arrow_type
from features.stores.feast_encoding import (
    CELLS,
    INT64,
    NUMBER_LISTS,
    STRING,
    STRING_LIST,
    encoded,
)

Values = list[bytes]
Stored = bytes | None

# A number behind its tag, as `decoded_value` reads it.
_NUMBERS = {"float32": struct.Struct("<Bf"), "float64": struct.Struct("<Bd")}
# What a value of each type begins with.
_TAGS: dict[Dtype, bytes] = {
    "float32": bytes([CELLS["float32"][0]]),
    "float64": bytes([CELLS["float64"][0]]),
    "int64": INT64,
    "string": STRING,
    "string_list": STRING_LIST,
    **{dtype: tag for dtype, (tag, _) in NUMBER_LISTS.items()},
}


def decoded(stored: Sequence[Stored], feature: Feature) -> pa.Array:
    """The column of a feature; what is missing or of another type is the feature's default."""
    return _DECODERS[feature.dtype](stored, _default_of(feature))


def decoded_value(stored: Stored, feature: Feature) -> Any:
    """One value, as Python has it; what is missing or of another type is the feature's default.

    A column of one row costs ten times as much, and serving reads one user at a time.
    """
    tag = _TAGS[feature.dtype]
    value = stored if stored and stored.startswith(tag) else _default_of(feature)
    match feature.dtype:
        case "float32" | "float64":
            layout = _NUMBERS[feature.dtype]
            return layout.unpack(value if len(value) == layout.size else _default_of(feature))[1]
        case "int64":
            return _signed(read_varint(value, 1)[0])
        case "string":
            return _body(value, 1).decode()
        case "string_list":
            return _strings(value)
        case "float32_list" | "float64_list":
            return _packed(value, feature.dtype).tolist()


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
    return encoded(pa.array([feature.default], arrow_type(feature)), feature.dtype)[0].as_py()


def _decode_fixed(stored: Sequence[Stored], default: bytes, dtype: str) -> pa.Array:
    tag, layout = CELLS[dtype]
    whole = b"".join([value or default for value in stored])
    if len(whole) == len(stored) * layout.itemsize:
        cells = np.frombuffer(whole, layout)
        if (cells["tag"] == tag).all():
            return pa.array(cells["value"].copy())
    size, first = layout.itemsize, bytes([tag])
    fitting = [v if v and len(v) == size and v.startswith(first) else default for v in stored]
    return pa.array(np.frombuffer(b"".join(fitting), layout)["value"].copy())


def _decode_int64(stored: Sequence[Stored], default: bytes) -> pa.Array:
    values = _of_type(stored, INT64, default)
    return pa.array([_signed(read_varint(value, 1)[0]) for value in values], pa.int64())


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _decode_string(stored: Sequence[Stored], default: bytes) -> pa.Array:
    values = _of_type(stored, STRING, default)
    return pa.array([_body(value, 1).decode() for value in values], pa.string())


def _decode_string_list(stored: Sequence[Stored], default: bytes) -> pa.Array:
    rows = list(map(_strings, _of_type(stored, STRING_LIST, default)))
    return pa.array(rows, pa.list_(pa.string()))


def _decode_number_list(stored: Sequence[Stored], default: bytes, dtype: Dtype) -> pa.Array:
    tag, number = NUMBER_LISTS[dtype]
    rows = [_packed(value, dtype) for value in _of_type(stored, tag, default)]
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum(list(map(len, rows)), out=offsets[1:])
    numbers = np.concatenate([np.empty(0, number), *rows])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(numbers))


def _packed(value: bytes, dtype: Dtype) -> np.ndarray:
    """The numbers of one list."""
    tag, number = NUMBER_LISTS[dtype]
    body = _body(value, len(tag))
    return np.frombuffer(_body(body, 1) if body else b"", number)


def _of_type(stored: Sequence[Stored], tag: bytes, default: bytes) -> Values:
    return [value if value and value.startswith(tag) else default for value in stored]


def _body(data: bytes, start: int) -> bytes:
    """Bytes after the tag, which ends at `start`, and the length."""
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


_DECODERS: dict[Dtype, Callable[[Sequence[Stored], bytes], pa.Array]] = {
    "float32": partial(_decode_fixed, dtype="float32"),
    "float64": partial(_decode_fixed, dtype="float64"),
    "int64": _decode_int64,
    "string": _decode_string,
    "string_list": _decode_string_list,
    "float32_list": partial(_decode_number_list, dtype="float32_list"),
    "float64_list": partial(_decode_number_list, dtype="float64_list"),
}
