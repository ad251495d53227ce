"""Negatives from a mixture: uniform, by popularity, and followers of what the person met last.

A draw takes one part of the mixture by its share, then an item of that part:

    uniform     an item that is known
    popular     the item of one of the newest positives
    followers   the same, of those positives whose people had met right before what this person has

A part that has nothing (no positives yet, none that followed) gives its share to the one above it.
The parts are as of just before the event, and each draw is a hash of the event's place in the log:
batches do not matter. With q(j) the chance of item j in one draw among what may be drawn at all,
`oversampling` is q(j) times the count of what may be drawn: 1 for uniform draws.

Reference: Owen and Zhou, JASA 2000, https://doi.org/10.1080/01621459.2000.10473909 (mixtures whose
uniform part bounds the weights 1 / oversampling).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.interner import NOTHING
from millstream.settings import NegativePart
from stream.state.recent_positives import KEPT, RecentPositives

PARTS: tuple[NegativePart, ...] = ("uniform", "popular", "followers")
_HALF = np.uint64(32)


@dataclass(frozen=True)
class Turns:
    """Turns of the positives that want negatives; (positives,) each but where it says otherwise.

    Args:
        newer: how many positives of the segment came before each.
        last_met: number of the item that each one's person had met right before, or `NOTHING`.
        random: (positives, draws) uint64, uniform.
    """

    newer: np.ndarray
    last_met: np.ndarray
    random: np.ndarray


class Proposals:
    """The mixture as of each turn.

    Args:
        recent: the positives before the segment.
        before, items: (new,) the pairs of the segment's positives, in their order.
        shares: of the parts; they add up to 1.
    """

    def __init__(
        self,
        recent: RecentPositives,
        before: np.ndarray,
        items: np.ndarray,
        shares: Mapping[NegativePart, float],
        turns: Turns,
    ) -> None:
        self._items = np.concatenate([recent.items, items]).astype(np.int64)
        last = np.concatenate([recent.before, before]).astype(np.int64)
        self._turns, self._last = turns, turns.last_met.astype(np.int64)
        self._end = len(recent) + turns.newer
        self._begin = np.maximum(self._end - KEPT, 0)
        self._by_item = _Places(self._items)
        self._by_last = _Places(last)
        self._by_pair = _Places(_pairs(last, self._items))
        self._window = (self._end - self._begin).astype(np.float64)
        self._following, self._first = self._by_last.within(self._last, self._begin, self._end)
        self._following = np.where(self._last == NOTHING, 0, self._following).astype(np.float64)
        self._shares = self._effective(shares)

    def drawn(self, uniform: np.ndarray) -> np.ndarray:
        """(positives, draws) items.

        Args:
            uniform: (positives, draws) items of the uniform part.
        """
        random = self._turns.random
        part = (random >> _HALF).astype(np.float64) / 2.0**32
        place = (random & np.uint64(0xFFFF_FFFF)).astype(np.int64)
        if not len(self._items):
            return uniform
        first, second = (np.cumsum(self._shares, axis=1)[:, n, None] for n in (0, 1))
        window = np.maximum(self._window, 1).astype(np.int64)[:, None]
        popular = self._items[np.maximum(self._end[:, None] - 1 - place % window, 0)]
        following = np.maximum(self._following, 1).astype(np.int64)[:, None]
        at = np.minimum(self._first[:, None] + place % following, len(self._items) - 1)
        followers = self._items[self._by_last.order[at]]
        found = np.where(part < first, uniform, np.where(part < second, popular, followers))
        return found.astype(uniform.dtype)

    def chances(self, items: np.ndarray, known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """(positives, some) chance of items in one draw, before anything is left out.

        Args:
            known: (positives,) how many items the uniform part draws from.
            wanted: (positives, some) which chances are asked for; the others are 0.
        """
        found = np.zeros(items.shape)
        turns, columns = np.nonzero(wanted & (items != NOTHING))
        of = items[turns, columns].astype(np.int64)
        begin, end = self._begin[turns], self._end[turns]
        popular, _ = self._by_item.within(of, begin, end)
        followers, _ = self._by_pair.within(_pairs(self._last[turns], of), begin, end)
        sizes = np.maximum(known, 1), np.maximum(self._window, 1), np.maximum(self._following, 1)
        uniform, by_popularity, by_followers = (
            (share / size)[turns] for share, size in zip(self._shares.T, sizes, strict=True)
        )
        found[turns, columns] = uniform + by_popularity * popular + by_followers * followers
        return found

    def left_out(
        self, is_eligible: np.ndarray, known: np.ndarray, eligible: np.ndarray
    ) -> np.ndarray:
        """(positives,) chance that a draw gives an item that may not be drawn by anybody.

        Args:
            is_eligible: by number of `features.interner`.
            known, eligible: (positives,) how many items the uniform part draws from, and how many
                of them may be drawn.
        """
        hidden = ~is_eligible[self._items]
        popular = _between(hidden, self._begin, self._end)
        of_last = hidden[self._by_last.order]
        begin = np.minimum(self._first, len(hidden))
        followers = _between(of_last, begin, begin + self._following.astype(np.int64))
        shares = self._shares.T
        return np.asarray(
            shares[0] * (1.0 - eligible / np.maximum(known, 1))
            + shares[1] * popular / np.maximum(self._window, 1)
            + shares[2] * followers / np.maximum(self._following, 1)
        )

    def _effective(self, shares: Mapping[NegativePart, float]) -> np.ndarray:
        """(positives, parts) shares when those that have nothing gave theirs away."""
        uniform, popular, followers = (
            np.full(len(self._last), shares.get(part, 0.0)) for part in PARTS
        )
        popular = popular + np.where(self._following > 0, 0.0, followers)
        followers = np.where(self._following > 0, followers, 0.0)
        uniform = uniform + np.where(self._window > 0, 0.0, popular)
        popular = np.where(self._window > 0, popular, 0.0)
        return np.stack([uniform, popular, followers], axis=1)


class _Places:
    """Places of equal keys in a sequence: how many of one there are within a stretch of it.

    Attributes:
        order: (places,) by key, then by place.
    """

    def __init__(self, keys: np.ndarray) -> None:
        self._distinct, ranks = np.unique(keys, return_inverse=True)
        self.order = np.argsort(ranks, kind="stable")
        self._size = len(keys) + 1
        self._sorted = (ranks * self._size)[self.order] + self.order

    def within(
        self, keys: np.ndarray, begin: np.ndarray, end: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """How often keys are at places from `begin` to before `end`, and the first in `order`.

        Args:
            keys, begin, end: (keys,) each.
        """
        if not len(self._distinct):
            return np.zeros(keys.shape, np.int64), np.zeros(keys.shape, np.int64)
        ranks = np.minimum(np.searchsorted(self._distinct, keys), len(self._distinct) - 1)
        count, first = np.zeros(keys.shape, np.int64), np.zeros(keys.shape, np.int64)
        there = np.flatnonzero(self._distinct[ranks] == keys)  # of most pairs there is none
        keyed = ranks[there] * self._size
        first[there] = np.searchsorted(self._sorted, keyed + begin[there])
        count[there] = np.searchsorted(self._sorted, keyed + end[there]) - first[there]
        return count, first


def _pairs(last: np.ndarray, items: np.ndarray) -> np.ndarray:
    return (last << 32) | items


def _between(flags: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """How many flags are set at places from `begin` to before `end`."""
    counted = np.concatenate([np.zeros(1, np.int64), np.cumsum(flags)])
    return counted[end] - counted[begin]
