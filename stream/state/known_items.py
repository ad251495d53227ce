"""The items that are known, and negatives drawn from them.

An organic positive says nothing of the items that were not chosen. It gets negatives, drawn from
all known items but the hidden ones, those the user has met lately and the positive itself,
uniformly or from a mixture (`stream/state/proposals.py`), with replacement; each comes with the
probability of its draw. The draw is a hash of the event's position in the log among what was known
before it, so that an event that is read again gets the same one, wherever the batches begin.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from features.interner import ITEMS, NOTHING
from stream.state.proposals import Proposals

# Draws that may meet an excluded item before a negative is given up.
SPARE_DRAWS = 4

_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)
_MIX = (
    (np.uint64(30), np.uint64(0xBF58_476D_1CE4_E5B9)),
    (np.uint64(27), np.uint64(0x94D0_49BB_1331_11EB)),
)


@dataclass
class KnownItems:
    """Known items in the order in which they came to be known.

    Args:
        items: their ids; none is ever taken out.
        hidden: those of them not to be recommended.
        eligible: those of them that may be.
        unsaved: known since the last `take_unsaved`.
        changed: to be noted in `is_eligible`, which is by numbers of `features.interner`.
        numbers: of the first of `items`.
    """

    items: list[str] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    eligible: set[str] = field(default_factory=set)
    unsaved: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    is_eligible: np.ndarray = field(default_factory=lambda: np.zeros(1, np.bool_))
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))

    def __contains__(self, item_id: str) -> bool:
        return item_id in self.eligible or item_id in self.hidden

    def add(self, item_id: str) -> None:
        """Know an item."""
        if item_id not in self:
            self.eligible.add(item_id)
            self.changed.append(item_id)
            self.items.append(item_id)
            self.unsaved.append(item_id)

    def hide(self, item_id: str, hidden: bool) -> None:
        """Hide a known item, or show it again."""
        before, after = self.eligible, self.hidden
        if not hidden:
            before, after = after, before
        before.discard(item_id)
        after.add(item_id)
        self.changed.append(item_id)

    def restore(self, items: Iterable[str], hidden: Iterable[str]) -> None:
        """Load from the store."""
        self.items = list(dict.fromkeys(items))
        self.hidden = set(hidden)
        self.eligible = set(self.items) - self.hidden
        self.changed = list(self.eligible)
        self.numbers = np.zeros(0, np.int32)

    def numbers_at(self, places: np.ndarray, known: int, added: Sequence[str]) -> np.ndarray:
        """The numbers of the items at places in `items[:known] + added`."""
        if len(self.numbers) < len(self.items):
            new = ITEMS.numbers(self.items[len(self.numbers) :])
            self.numbers = np.concatenate([self.numbers, np.array(new, np.int32)])
        if not added:
            return self.numbers[places]
        numbers = np.append(self.numbers[:known], np.array(ITEMS.numbers(added), np.int32))
        return numbers[places]

    def eligible_numbers(self) -> np.ndarray:
        """Which numbers of `features.interner` are drawable items, (numbers,) bool."""
        changed = [(ITEMS.number(item), item in self.eligible) for item in self.changed]
        self.changed = []
        if len(self.is_eligible) < len(ITEMS):
            more = np.zeros(2 * len(ITEMS) - len(self.is_eligible), np.bool_)
            self.is_eligible = np.concatenate([self.is_eligible, more])
        for number, is_eligible in changed:
            self.is_eligible[number] = is_eligible
        return self.is_eligible

    def take_unsaved(self) -> list[str]:
        """The items that have become known since this was last asked."""
        unsaved, self.unsaved = self.unsaved, []
        return unsaved


def draws(partitions: np.ndarray, offsets: np.ndarray, count: int) -> np.ndarray:
    """(rows, count) uint64, uniform: the same for the same partition and offset (each (rows,))."""
    seeds = (partitions.astype(np.uint64) << np.uint64(48)) ^ offsets.astype(np.uint64)
    steps = np.arange(1, count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        return _mixed(_mixed(seeds * _GOLDEN)[:, None] + steps * _GOLDEN)


@dataclass(frozen=True)
class NegativesRequest:
    """Positives that want negatives; numbers of `features.interner`.

    Args:
        drawn: (positives, draws) items drawn uniformly from what was known before each.
        own: (positives,) the positives' own items.
        recent: (positives, most) what their users have met lately, padded with 0.
        added_before: (positives,) how many items have become known on the way to each.
        rank_of: items that have become known on the way, to how many there were then.
    """

    drawn: np.ndarray
    own: np.ndarray
    recent: np.ndarray
    added_before: np.ndarray
    rank_of: dict[int, int]


class Drawn(NamedTuple):
    """Draws and what is true of them.

    Args:
        items: (positives, draws) numbers.
        chosen: (positives, draws) bool: the negatives.
        probabilities: (positives, draws) with which each draw gave its item.
        oversampling: (positives, draws) how many times likelier that was than by a uniform draw.
        own: (positives,) the same of the positives' own items, had they been drawn.
    """

    items: np.ndarray
    chosen: np.ndarray
    probabilities: np.ndarray
    oversampling: np.ndarray
    own: np.ndarray


def negatives(
    known_items: KnownItems,
    request: NegativesRequest,
    count: int,
    proposals: Proposals | None = None,
) -> Drawn:
    """The first `count` of the drawn items of each that are neither hidden nor excluded.

    Args:
        proposals: what is drawn from; None is uniformly.
    """
    eligible = known_items.eligible_numbers()
    drawn = request.drawn if proposals is None else proposals.drawn(request.drawn)
    own, recent = request.own[:, None], request.recent
    excluded = (drawn == own) | (drawn[:, :, None] == recent[:, None, :]).any(2)
    fit = _eligible_at(eligible, drawn, request) & ~excluded
    chosen = fit & (np.cumsum(fit, axis=1) <= count)
    # Distinct: what is recent, and the item itself.
    out = np.concatenate([recent, own], axis=1)
    is_out = _eligible_at(eligible, out, request)
    is_out[:, -1] &= ~(recent == own).any(1)
    may_be = len(known_items.eligible) + request.added_before
    left = np.maximum(may_be - is_out.sum(1), 1)
    if proposals is None:
        ones = np.ones(drawn.shape)
        return Drawn(drawn, chosen, ones / left[:, None], ones, np.ones(len(own)))
    known = len(known_items.items) + request.added_before
    chances = proposals.chances(np.concatenate([drawn, own, out], axis=1), known)
    draws = drawn.shape[1]
    may_not = proposals.left_out(_with_born(eligible, request), known, may_be)
    may_not = may_not + (chances[:, draws + 1 :] * is_out).sum(1)
    rest = np.maximum(1.0 - may_not, 1e-9)[:, None]
    within, its_own = chances[:, :draws] / rest, chances[:, draws] / rest[:, 0]
    return Drawn(drawn, chosen, within, within * left[:, None], its_own * left)


def _with_born(eligible: np.ndarray, request: NegativesRequest) -> np.ndarray:
    """`eligible`, with the items that become known on the way."""
    found = eligible.copy()
    found[list(request.rank_of)] = True
    return found


def _eligible_at(
    eligible: np.ndarray, numbers: np.ndarray, request: NegativesRequest
) -> np.ndarray:
    """Which of (positives, some) items were drawable when it was each positive's turn."""
    found = eligible[numbers] & (numbers != NOTHING)
    if request.rank_of:
        ranks = np.full(len(ITEMS), len(request.rank_of))
        ranks[list(request.rank_of)] = list(request.rank_of.values())
        found |= ranks[numbers] < request.added_before[:, None]
    return found


def _mixed(values: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser. Reference: Steele, Lea and Flood, OOPSLA 2014."""
    for shift, factor in _MIX:
        values = (values ^ (values >> shift)) * factor
    return values ^ (values >> np.uint64(31))
