"""Columns of bytes: put together in Arrow, all rows at once."""

from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Part: TypeAlias = pa.Array | bytes

_DIGIT_BITS = 7


def joined(*parts: Part) -> pa.BinaryArray:
    """Row by row the parts one after the other; `bytes` are the same in every row.

    >>> joined(b"<", pa.array([b"a", b"bc"]), b">").to_pylist()
    [b'<a>', b'<bc>']
    """
    columns = [part if isinstance(part, pa.Array) else pa.scalar(part) for part in parts]
    return pc.binary_join_element_wise(*columns, b"")


def joined_lists(lists: pa.ListArray) -> pa.BinaryArray:
    """The entries of each row's list one after the other."""
    return pc.binary_join(lists, b"")


def fixed(cells: np.ndarray) -> pa.BinaryArray:
    """Structured cells, (rows,) of any dtype, as they are in memory."""
    return sliced(cells, np.arange(len(cells) + 1, dtype=np.int32))


def sliced(cells: np.ndarray, offsets: np.ndarray) -> pa.BinaryArray:
    """Row i is `cells[offsets[i]:offsets[i + 1]]`, as it is in memory; offsets are int32."""
    buffers = [None, pa.py_buffer(offsets * cells.itemsize), pa.py_buffer(cells.tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def texts(column: pa.StringArray) -> pa.BinaryArray:
    """A column of strings as UTF-8."""
    return column.cast(pa.binary())


def lengths(column: pa.BinaryArray) -> np.ndarray:
    """How many bytes each row has, (rows,)."""
    return pc.binary_length(column).to_numpy(zero_copy_only=False)


def varints(numbers: np.ndarray) -> pa.BinaryArray:
    """Numbers, (rows,) int64 or uint64, as protobuf's varints: seven bits a byte, lowest first.

    A negative one is the 64-bit two's complement.

    >>> [value.hex() for value in varints(np.array([0, 300])).to_pylist()]
    ['00', 'ac02']
    """
    whole = numbers.astype(np.uint64)
    count = max(-(-int(whole.max(initial=0)).bit_length() // _DIGIT_BITS), 1)
    place = np.arange(count, dtype=np.uint64)
    digits = whole[:, None] >> place * np.uint64(_DIGIT_BITS)
    inside = (digits > 0) | (place == 0)
    more = np.zeros_like(inside)
    more[:, :-1] = inside[:, 1:]
    cells = (digits & np.uint64(0x7F)).astype(np.uint8) | (more * np.uint8(0x80))
    offsets = np.zeros(len(whole) + 1, np.int32)
    np.cumsum(inside.sum(1), out=offsets[1:])
    return sliced(cells[inside], offsets)
