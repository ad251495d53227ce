"""The items that are known, and negatives drawn from them.

An organic positive says nothing of the items that were not chosen. It gets negatives, drawn
uniformly, with replacement, from all known items but the hidden ones, those the user has met lately
and the positive itself; each comes with the probability of its draw. The draw is a hash of the
event's position in the log, so that an event that is read again gets the same one.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field

import numpy as np

# Draws that may meet an excluded item before a negative is given up.
SPARE_DRAWS = 4

_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)
_MIX = (
    (np.uint64(30), np.uint64(0xBF58_476D_1CE4_E5B9)),
    (np.uint64(27), np.uint64(0x94D0_49BB_1331_11EB)),
)


@dataclass
class Catalogue:
    """Known items in the order in which they came to be known.

    Args:
        items: their ids; none is ever taken out.
        hidden: those of them not to be recommended.
        drawable: those of them that may be.
        fresh: known since the last `taken_fresh`.
    """

    items: list[str] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    drawable: set[str] = field(default_factory=set)
    fresh: list[str] = field(default_factory=list)

    def add(self, item_id: str) -> None:
        """Know an item."""
        if item_id not in self.drawable and item_id not in self.hidden:
            self.drawable.add(item_id)
            self.items.append(item_id)
            self.fresh.append(item_id)

    def hide(self, item_id: str, hidden: bool) -> None:
        """Hide a known item, or show it again."""
        before, after = self.drawable, self.hidden
        if not hidden:
            before, after = after, before
        before.discard(item_id)
        after.add(item_id)

    def restore(self, items: Iterable[str], hidden: Iterable[str]) -> None:
        """Begin with what a store kept."""
        self.items = list(dict.fromkeys(items))
        self.hidden = set(hidden)
        self.drawable = set(self.items) - self.hidden

    def taken_fresh(self) -> list[str]:
        """The items that have become known since this was last asked."""
        fresh, self.fresh = self.fresh, []
        return fresh


def draws(partitions: np.ndarray, offsets: np.ndarray, count: int) -> np.ndarray:
    """(rows, count) uint64, uniform: the same for the same partition and offset (each (rows,))."""
    seeds = (partitions.astype(np.uint64) << np.uint64(48)) ^ offsets.astype(np.uint64)
    steps = np.arange(1, count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        return _mixed(_mixed(seeds * _GOLDEN)[:, None] + steps * _GOLDEN)


def negatives(
    catalogue: Catalogue, candidates: Iterable[str], excluded: Set[str], count: int
) -> tuple[list[str], float]:
    """The first `count` of the drawn items that are neither hidden nor excluded.

    Args:
        candidates: items drawn uniformly from the catalogue.

    Returns:
        The items and the probability with which each draw gave its item.
    """
    drawable = catalogue.drawable
    fit = [item for item in candidates if item in drawable and item not in excluded]
    count_drawable = len(drawable) - len(excluded & drawable)
    return fit[:count], 1.0 / max(count_drawable, 1)


def _mixed(values: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser. Reference: Steele, Lea and Flood, OOPSLA 2014."""
    for shift, factor in _MIX:
        values = (values ^ (values >> shift)) * factor
    return values ^ (values >> np.uint64(31))
