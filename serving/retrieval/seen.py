"""Seen items of a user: recent ones for certain, older ones by a Bloom filter.

A filter never forgets an item while it is kept, and takes about one in a hundred others for seen.
So the two kinds of evidence are told apart: where a list runs short, what may not have been seen
comes back before what certainly was.
"""

from collections.abc import Sequence

import numpy as np

from features import bloom

FRESH, PERHAPS_SEEN, SEEN = 0, 1, 2


def seen_levels(
    rows: np.ndarray,
    filter_bits: np.ndarray,
    recent: np.ndarray,
    filters: Sequence[bytes | None],
) -> np.ndarray:
    """How surely each of `rows` was seen: `FRESH`, `PERHAPS_SEEN` or `SEEN`.

    Args:
        rows: shape (n,), catalogue rows.
        filter_bits: shape (n, hashes), the bits of each in a filter (`features.bloom.bits_of`).
        recent: rows of the items that the user met last.
        filters: the user's Bloom filters as Redis holds them.

    Returns:
        Shape (n,), int8.
    """
    levels = np.zeros(len(rows), dtype=np.int8)
    for stored in filters:
        if stored:
            whole = np.frombuffer(stored.ljust(bloom.BITS // 8, b"\0"), np.uint8)
            levels[np.unpackbits(whole)[filter_bits].all(axis=1)] = PERHAPS_SEEN
    levels[np.isin(rows, recent)] = SEEN
    return levels
