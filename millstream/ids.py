"""Ids as 64-bit keys: what embedding tables and batches use instead of strings.

The layout keeps three kinds of key apart, so that no two of them can meet by accident:

    0                     padding, or no id
    1 .. 10**18           a canonical decimal integer id, shifted by one ("0" -> 1, "41" -> 42)
    2**62 .. 2**63 - 1    every other string: 62 bits of its xxh3 fingerprint

Integer ids are exact. Two different strings meet with probability n**2 / 2**63 among n strings
(one in 90,000 for ten million).
"""

from collections.abc import Sequence

import numpy as np
import xxhash

PADDING = 0
_STRING_BIT = 1 << 62
_FINGERPRINT_MASK = _STRING_BIT - 1


def id64(value: str) -> int:
    """The key of one id; the empty string is padding.

    >>> id64("41"), id64("")
    (42, 0)
    >>> id64("041") == id64("41")
    False
    """
    if not value:
        return PADDING
    if (
        value.isascii()
        and value.isdigit()
        and len(value) < 19
        and (value[0] != "0" or value == "0")
    ):
        return int(value) + 1
    return _STRING_BIT | (xxhash.xxh3_64_intdigest(value.encode()) & _FINGERPRINT_MASK)


def id64_array(values: Sequence[str]) -> np.ndarray:
    """Keys of many ids, shape (len(values),), int64."""
    return np.fromiter(map(id64, values), dtype=np.int64, count=len(values))
