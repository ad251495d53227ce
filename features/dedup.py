"""Event ids that were seen lately: exact 64-bit fingerprints in two generations.

Ids go into the young generation. Once that is `window_s` old the old one is forgotten and the young
one takes its place: an id is remembered for at least `window_s`. Where so many come that both would
take more than `memory_bytes`, generations end before their time, and `held_s` says how long ids are
still remembered. Two different ids meet with probability n / 2**64.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import xxhash

from features.fingerprints import FIRST_SLOTS, LOAD, SLOT_BYTES, Fingerprints


def fingerprint(event_id: str) -> int:
    """64 bits of an event id, the same in every process."""
    return xxhash.xxh3_64_intdigest(event_id.encode())


def pack(fingerprints: Iterable[int]) -> bytes:
    """Fingerprints as bytes, 8 each, little-endian: what a store appends."""
    return np.fromiter(fingerprints, "<u8").tobytes()


def _unpacked(packed: bytes) -> np.ndarray:
    """The fingerprints in `packed`; an unfinished one at its end is dropped."""
    return np.unique(np.frombuffer(packed[: len(packed) - len(packed) % 8], "<u8"))


def capacity(memory_bytes: int) -> int:
    """How many ids one of the two generations can hold.

    >>> capacity(512 << 20)
    22369597
    """
    tables, size = 0, FIRST_SLOTS
    while (tables + size) * SLOT_BYTES <= memory_bytes // 2:
        tables, size = tables + size, 2 * size
    return int(tables * LOAD)


@dataclass
class SeenIds:
    """The fingerprints of two generations.

    Args:
        window_s: how long an id is remembered at the least, seconds.
        memory_bytes: what both generations may take.
        generation: number of the young one.
        started_at: when the young one began, Unix seconds; None before the first id.
        held_s: how long an id is remembered at the least: less than `window_s` where the memory
            does not suffice.
    """

    window_s: float
    memory_bytes: int = 512 << 20
    generation: int = 0
    started_at: float | None = None
    young: Fingerprints = field(default_factory=Fingerprints)
    old: Fingerprints = field(default_factory=Fingerprints)
    held_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.held_s = self.window_s

    @property
    def size_bytes(self) -> int:
        """Memory of both generations, bytes."""
        return self.young.size_bytes + self.old.size_bytes

    def add(self, fingerprints: np.ndarray) -> np.ndarray:
        """Remember (n,) uint64 fingerprints; which of them were not there yet, bool.

        Of equal ones the first is new.
        """
        distinct, first = np.unique(fingerprints, return_index=True)
        is_new = ~(self.young.contains(distinct) | self.old.contains(distinct))
        self.young.add(distinct[is_new])
        found = np.zeros(len(fingerprints), np.bool_)
        found[first[is_new]] = True
        return found

    def restore(self, old: bytes, young: bytes, started_at: float) -> None:
        """Remember packed fingerprints of two generations beside what there is.

        Args:
            started_at: when the young one began, Unix seconds.
        """
        for known, packed in ((self.old, old), (self.young, young)):
            given = _unpacked(packed)
            known.add(given[~known.contains(given)])
        self.started_at = max(started_at, self.started_at or started_at)

    def rotate(self, now_s: float, expected: int = 1) -> bool:
        """Begin a new generation if it is time, or if `expected` more ids find no room.

        Returns:
            Whether one began.
        """
        if self.started_at is None:
            self.started_at = now_s
        age_s = now_s - self.started_at
        if age_s < self.window_s and not self._is_full(expected):
            return False
        self.old, self.young = self.young, Fingerprints()
        self.generation += 1
        self.started_at, self.held_s = now_s, min(age_s, self.window_s)
        return True

    def _is_full(self, expected: int) -> bool:
        young = self.young
        return (
            young.room < expected and len(young) > 0 and young.grown_bytes > self.memory_bytes // 2
        )
