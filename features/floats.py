"""Short rows of float64 as bytes: eight a number instead of an object each.

What is remembered of every user and item is mostly such rows. As bytes they are small, go to the
store and into columns as they are, and the garbage collector never looks at them.
"""

import struct
from collections.abc import Sequence
from functools import cache

SIZE = 8


def packed(numbers: Sequence[float]) -> bytes:
    """Numbers as bytes, little-endian."""
    return _layout(len(numbers)).pack(*numbers)


def unpacked(row: bytes) -> tuple[float, ...]:
    """The numbers in a row.

    >>> unpacked(packed([1.0, 0.5]))
    (1.0, 0.5)
    """
    return _layout(len(row) // SIZE).unpack(row)


@cache
def _layout(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}d")
