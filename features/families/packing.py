"""Parts of states as msgpack for the store, all rows at once: strings by name, numbers as they are.

Short lengths are written as long ones are, so that all rows begin alike.

Reference: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from features.interner import NOTHING, Interner
from features.stores.binary import fixed, joined, joined_lists, sliced

ARRAY_OF_THREE = b"\x93"
_FLOAT64, _BIN8, _BIN16, _ARRAY16 = 0xCB, b"\xc4", b"\xc5", b"\xdc"


def floats(numbers: np.ndarray) -> pa.BinaryArray:
    """(rows, count) numbers: so many floats in a row."""
    cells = np.empty(numbers.shape, np.dtype([("head", "u1"), ("number", ">f8")]))
    cells["head"], cells["number"] = _FLOAT64, numbers
    width = numbers.shape[1] * cells.itemsize
    return fixed(np.frombuffer(cells.tobytes(), np.dtype((np.void, width))))


def whole(cells: np.ndarray) -> list[pa.Array | bytes]:
    """(rows, count) cells of a fixed width, as they are in memory."""
    width = cells.shape[1] * cells.itemsize
    rows = np.frombuffer(np.ascontiguousarray(cells).tobytes(), np.dtype((np.void, width)))
    return [_BIN8 + bytes([width]), fixed(rows)]


def used(numbers: np.ndarray, is_used: np.ndarray) -> pa.BinaryArray:
    """Those of (rows, most) numbers that are used, as they are in memory."""
    offsets = offsets_of(is_used.sum(1))
    sizes = np.diff(offsets) * numbers.itemsize
    return joined(_BIN16, _uint16(sizes), sliced(numbers[is_used], offsets))


def strings(names: Interner, numbers: np.ndarray) -> pa.BinaryArray:
    """The strings of (rows, most) numbers, padded with `NOTHING`."""
    is_used = numbers != NOTHING
    offsets = offsets_of(is_used.sum(1))
    texts = pa.ListArray.from_arrays(pa.array(offsets), names.packed_column(numbers[is_used]))
    return joined(_ARRAY16, _uint16(np.diff(offsets)), joined_lists(texts))


def numbers_of(names: Interner, lists: Sequence[Sequence[str]], into: np.ndarray) -> None:
    """Fill in (rows, most) numbers of lists of strings; what has no room is cut off."""
    most = into.shape[1]
    for row, texts in zip(into, lists, strict=True):
        row[: min(len(texts), most)] = names.numbers(texts[:most])


def rows_of(packed: Sequence[bytes], into: np.ndarray) -> None:
    """Fill in (rows, most) numbers from what `used` or `whole` packed."""
    most = into.shape[1]
    for row, numbers in zip(into, packed, strict=True):
        found = np.frombuffer(numbers, into.dtype)[:most]
        row[: len(found)] = found


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """Offsets of the rows' beginnings and of the last one's end, (rows + 1,) int32."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def list_array(lengths: np.ndarray, values: pa.Array) -> pa.ListArray:
    """Rows of so many of `values` each."""
    return pa.ListArray.from_arrays(pa.array(offsets_of(lengths)), values)


def _uint16(numbers: np.ndarray) -> pa.BinaryArray:
    return fixed(numbers.astype(">u2"))
