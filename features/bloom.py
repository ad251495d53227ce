"""Bloom filters of fixed size: which items a user has seen, in bounded memory.

A filter has m bits, of which an entry sets k, by double hashing: bit_i = (h1 + i * h2) mod m with
h1, h2 the two halves of a seeded 128-bit hash. For n entries at a false-positive rate p the best
choice is m = -n ln p / (ln 2)**2 and k = m/n ln 2. The seed is part of the format: every process,
in any language, finds the same bits. Bits are numbered as Redis numbers them (SETBIT): bit 0 is
the highest bit of byte 0.

A user has two filters. Entries go into the young one; once it holds its n, the other is cleared and
is the young one from then on (`slot`). What is in either was seen.

Reference: Kirsch and Mitzenmacher, 2006, "Less Hashing, Same Performance".
"""

from collections.abc import Sequence

import numpy as np
import xxhash

from features.mixing import mixed64

SEED = 0x6D696C6C
CAPACITY = 1_000
BITS = 9_592  # n = 1,000 and p = 0.01 give 9,585.1; the next whole byte
HASHES = 7
SLOTS = 2


_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)


def bits_of(entry: str | int) -> tuple[int, ...]:
    """The `HASHES` bits of one entry, each 0 <= bit < `BITS`.

    Args:
        entry: an item, or one of `digests`.
    """
    if isinstance(entry, int):
        return tuple(bits_of_digests(np.array([entry], np.uint64))[0].tolist())
    digest = xxhash.xxh3_128_intdigest(entry.encode(), SEED)
    start, stride = digest & 0xFFFF_FFFF_FFFF_FFFF, (digest >> 64) | 1
    return tuple((start + i * stride) % BITS for i in range(HASHES))


def digests(keys: np.ndarray, salt: int) -> np.ndarray:
    """Entries for items together with something else, (items,) uint64.

    Args:
        keys: (items,) int64 keys of `millstream.ids`.
        salt: 64 bits that stand for the other thing.
    """
    return mixed64(keys.astype(np.uint64) ^ np.uint64(salt))


def bits_of_digests(entries: np.ndarray) -> np.ndarray:
    """The bits of many of `digests`, (entries, `HASHES`) int64."""
    with np.errstate(over="ignore"):
        strides = mixed64(entries + _GOLDEN) | np.uint64(1)
    start, stride = (each % np.uint64(BITS) for each in (entries, strides))
    steps = np.arange(HASHES, dtype=np.uint64)
    found = (start[:, None] + steps * stride[:, None]) % np.uint64(BITS)
    return found.astype(np.int64)


def contains(filter_bytes: bytes | None, entries: Sequence[str]) -> np.ndarray:
    """Which of `entries` are in the filter (or are false positives), (entries,) bool.

    A filter that was never written (None) or is short of bytes has zeros there, as in Redis.
    """
    if not filter_bytes or not entries:
        return np.zeros(len(entries), bool)
    whole = filter_bytes.ljust(BITS // 8, b"\0")
    bits = np.unpackbits(np.frombuffer(whole, np.uint8))
    wanted = np.array([bits_of(entry) for entry in entries])
    return bits[wanted].all(axis=1)


def slot(entries_so_far: int) -> int:
    """Which of the user's two filters the next entry goes to."""
    return entries_so_far // CAPACITY % SLOTS


def begins_slot(entries_so_far: int) -> bool:
    """Return whether the next entry is the first of its slot, which must be cleared before."""
    return entries_so_far % CAPACITY == 0 and entries_so_far > 0


def key(prefix: str, user_id: str, slot_number: int) -> str:
    """The Redis key of one filter; the user's id comes last, whatever is in it."""
    return f"{prefix}seen:{slot_number}:{user_id}"
