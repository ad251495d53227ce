"""Seen items of a user: recent ones for certain, older ones by a Bloom filter.

A filter never forgets an item while it is kept, and takes about one in a hundred others for seen.
So the two kinds of evidence are told apart: where a list runs short, what may not have been seen
comes back before what certainly was.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features import bloom
from features.seen import DEFAULT_RULE, SeenRule
from millstream.list_choices import Seen
from serving.users import StoredUser

FRESH, PERHAPS_SEEN, SEEN = 0, 1, 2


@dataclass(frozen=True)
class SeenPolicy:
    """Which items count as seen, and where they go.

    Args:
        rule: by which events, for how long.
        goes: behind all others, anywhere, or not into the list.
    """

    rule: SeenRule = DEFAULT_RULE
    goes: Seen = "behind"


SEEN_BEHIND = SeenPolicy()


@dataclass(frozen=True)
class ItemRows:
    """Items that may have been seen; n of them.

    Args:
        rows: of the catalogue, (n,).
        filter_bits: (n, hashes) the bits of each in a filter (`features.bloom.bits_of`).
        keys: (n,) int64 keys of `millstream.ids`.
    """

    rows: np.ndarray
    filter_bits: np.ndarray
    keys: np.ndarray


def seen_levels(
    items: ItemRows, recent: np.ndarray, user: StoredUser, rule: SeenRule, now_s: float
) -> np.ndarray:
    """How surely each item counts as seen: `FRESH`, `PERHAPS_SEEN` or `SEEN`.

    Args:
        recent: rows of the items that the user has certainly seen.
        user: whose filters are as Redis holds them.
        now_s: Unix seconds, by which marks are over.

    Returns:
        Shape (n,), int8.
    """
    levels = np.zeros(len(items.rows), dtype=np.int8)
    stored = [each for each in user.filters if each]
    if stored:
        wanted = list(_entries(items, rule, now_s))
        for each in stored:
            bits = np.unpackbits(np.frombuffer(each.ljust(bloom.BITS // 8, b"\0"), np.uint8))
            for entry_bits in wanted:
                levels[bits[entry_bits].all(axis=1)] = PERHAPS_SEEN
    levels[np.isin(items.rows, recent)] = SEEN
    return levels


def _entries(items: ItemRows, rule: SeenRule, now_s: float) -> Iterator[np.ndarray]:
    """Bits of each entry that would make the items seen, (n, hashes)."""
    if rule.by_item:
        yield items.filter_bits
    for mark in rule.marks:
        for quarter in mark.counting(now_s):
            yield bloom.bits_of_digests(mark.digests(items.keys, quarter))
