"""Event ids that were seen lately: exact 64-bit fingerprints in two generations.

Ids go into the young generation. Once that is `window_s` old, or holds `capacity` ids, the old one
is forgotten and the young one takes its place: an id is remembered for at least `window_s` unless
more than `capacity` others come in that time. Two different ids meet with probability n / 2**64.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import xxhash


def fingerprint(event_id: str) -> int:
    """64 bits of an event id, the same in every process."""
    return xxhash.xxh3_64_intdigest(event_id.encode())


def pack(fingerprints: Iterable[int]) -> bytes:
    """Fingerprints as bytes, 8 each, little-endian: what a store appends."""
    return np.fromiter(fingerprints, "<u8").tobytes()


def unpack(packed: bytes) -> set[int]:
    """The fingerprints in `packed`; an unfinished one at its end is dropped."""
    whole = len(packed) - len(packed) % 8
    return set(np.frombuffer(packed[:whole], "<u8").tolist())


@dataclass
class SeenIds:
    """The fingerprints of two generations.

    Args:
        window_s: how long an id is remembered at the least, seconds.
        capacity: the most ids in one generation.
        generation: number of the young one.
        started_at: when the young one began, Unix seconds; None before the first id.
    """

    window_s: float
    capacity: int = 2_000_000
    generation: int = 0
    started_at: float | None = None
    young: set[int] = field(default_factory=set)
    old: set[int] = field(default_factory=set)

    def add(self, mark: int) -> bool:
        """Remember `mark`; False if it was there already."""
        if mark in self.young or mark in self.old:
            return False
        self.young.add(mark)
        return True

    def rotate(self, now_s: float) -> bool:
        """Begin a new generation if it is time; True if so."""
        if self.started_at is None:
            self.started_at = now_s
        if now_s - self.started_at < self.window_s and len(self.young) < self.capacity:
            return False
        self.old, self.young = self.young, set()
        self.generation += 1
        self.started_at = now_s
        return True
