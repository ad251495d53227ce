"""Partitions of keys, and the origin of records that were moved to the partition of their key.

Kafka's own clients, and those for Python, choose a partition by murmur2 of the key; librdkafka by
CRC32, unless it is told `partitioner=murmur2_random`. Whoever owns a partition of users must find
all of a user's records in it: what lies elsewhere is moved, with a header that says where it lay.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

ORIGIN_HEADER = "millstream-origin"

_SEED, _FACTOR = np.uint32(0x9747_B28C), np.uint32(0x5BD1_E995)
_WORD = 4


class Origin(NamedTuple):
    """Place and time of a record before it was moved.

    Args:
        timestamp_s: of the record, Unix seconds; below 0 where it has none.
    """

    partition: int
    offset: int
    timestamp_s: float

    def header(self) -> tuple[str, bytes]:
        """The header that says so.

        >>> Origin(3, 17, 1.5).header()
        ('millstream-origin', b'3:17:1500')
        """
        stamp = round(self.timestamp_s * 1000)
        return ORIGIN_HEADER, f"{self.partition}:{self.offset}:{stamp}".encode()


def origin_of(headers: Iterable[tuple[str, bytes | None]]) -> Origin | None:
    """The origin that the headers of a record name; None where it was never moved.

    >>> origin_of([Origin(3, 17, 1.5).header()])
    Origin(partition=3, offset=17, timestamp_s=1.5)
    """
    for name, value in headers:
        if name == ORIGIN_HEADER:
            try:
                partition, offset, stamp = map(int, (value or b"").split(b":"))
            except ValueError:  # nothing that Millstream wrote
                return None
            return Origin(partition, offset, stamp / 1000)
    return None


def partitions_of(keys: Sequence[bytes], count: int) -> np.ndarray:
    """(keys,) int64: the partition of each key among `count`, by Kafka's default partitioner.

    Reference: `Utils.murmur2` and `BuiltInPartitioner.partitionForKey` in Kafka's clients.

    >>> partitions_of([b"ann", b"bob"], 16).tolist()
    [2, 14]
    """
    lengths = np.array([len(key) for key in keys], np.int64)
    words = int(lengths.max(initial=0)) // _WORD + 1
    padded = b"".join([key.ljust(words * _WORD, b"\0") for key in keys])
    table = np.frombuffer(padded, "<u4").reshape(len(keys), words)
    hashes: np.ndarray = _SEED ^ lengths.astype(np.uint32)
    whole = lengths // _WORD
    for place in range(words - 1):
        mixed: np.ndarray = table[:, place] * _FACTOR
        mixed = (mixed ^ (mixed >> 24)) * _FACTOR
        hashes = np.where(place < whole, (hashes * _FACTOR) ^ mixed, hashes)
    rest = table[np.arange(len(keys)), whole]
    hashes = np.where(lengths % _WORD > 0, (hashes ^ rest) * _FACTOR, hashes)
    hashes = (hashes ^ (hashes >> 13)) * _FACTOR
    hashes ^= hashes >> 15
    return (hashes & np.uint32(0x7FFF_FFFF)).astype(np.int64) % count
