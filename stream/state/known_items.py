"""The items that are known, and negatives drawn from them.

An organic positive says nothing of the items that were not chosen. It gets negatives, drawn from
all known items but the hidden ones, those the user has met lately and the positive itself,
uniformly or from a mixture (`stream/state/proposals.py`), with replacement; each comes with the
probability of its draw. The draw is a hash of the event's position in the log among what was known
before it, so that an event that is read again gets the same one, wherever the batches begin.

A deleted item keeps its place, and is known not to be drawn, as long as its deletion is remembered
(`features/tombstones.py`); then its place is empty. When many are, they are taken out, between two
batches: later draws are then among fewer places.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from features.interner import ITEMS, NOTHING
from features.mixing import mixed64
from features.tombstones import Tombstones
from features.upserts import UpsertVersion
from stream.state.proposals import Proposals
from stream.state.schedule import Schedule

# Draws that may meet an excluded item before a negative is given up.
SPARE_DRAWS = 4
# Empty places are taken out when they are more than so many, and more than a so-manieth of all.
MIN_HOLES, MAX_HOLES_SHARE = 1_000, 4

_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)


@dataclass
class KnownItems:
    """Known items in the order in which they came to be known.

    Args:
        items: their ids by place; "" is an empty place.
        hidden: those of them not to be recommended.
        eligible: those of them that may be.
        deleted: those of them that were deleted.
        holes: how many places are empty.
        unsaved: known since the last `take_unsaved`.
        changed: to be noted in `is_eligible`, which is by numbers of `features.interner`.
        numbers: of the first of `items`.
        places: of those, by number.
        unsaved_holes: places that have become empty since the last `take_holes`.
        schedule: items whose availability changes by itself.
    """

    items: list[str] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    eligible: set[str] = field(default_factory=set)
    deleted: Tombstones = field(default_factory=Tombstones)
    holes: int = 0
    unsaved: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    is_eligible: np.ndarray = field(default_factory=lambda: np.zeros(1, np.bool_))
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    places: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int32))
    unsaved_holes: list[int] = field(default_factory=list)
    schedule: Schedule = field(default_factory=Schedule)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self.eligible or item_id in self.hidden or item_id in self.deleted

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

    def delete(self, item_id: str, version: UpsertVersion, now_s: float) -> None:
        """Delete an item at `now_s`, Unix seconds; it keeps its place for now."""
        self.add(item_id)
        self.eligible.discard(item_id)
        self.hidden.discard(item_id)
        self.changed.append(item_id)
        self.deleted.put(item_id, version, now_s)
        self.schedule.discard(item_id)

    def bring_back(self, item_id: str) -> None:
        """Let a deleted item be eligible, at the place that it had."""
        self.deleted.discard(item_id)
        self.eligible.add(item_id)
        self.changed.append(item_id)

    def forget(self, now_s: float) -> list[str]:
        """Empty the places of those whose deletion is too long ago; their ids.

        Never more than half of the places are of deleted items, or draws would hardly meet others.
        """
        forgotten = self.deleted.forget(now_s, max(MIN_HOLES, len(self.eligible)))
        self._empty(forgotten)
        return forgotten

    def expire(self, item_ids: Sequence[str]) -> None:
        """Forget items whose time is over: no event makes them known again."""
        known = [item_id for item_id in item_ids if item_id in self]
        for item_id in known:
            self.eligible.discard(item_id)
            self.hidden.discard(item_id)
        self.changed += known
        self._empty([item_id for item_id in known if item_id not in self.deleted])

    def _empty(self, item_ids: Sequence[str]) -> None:
        """Empty the places of items that are known no more."""
        if item_ids:
            self._number()
        for item_id in item_ids:
            place = int(self.places[ITEMS.number(item_id)])
            self.items[place], self.numbers[place] = "", NOTHING
            self.unsaved_holes.append(place)
        self.holes += len(item_ids)

    def compact(self) -> bool:
        """Take empty places out if they are many; whether any was."""
        if self.holes <= max(MIN_HOLES, len(self.items) // MAX_HOLES_SHARE):
            return False
        self.items = [item for item in self.items if item]
        self.holes, self.unsaved_holes, self.unsaved = 0, [], []
        self.renumber()
        return True

    def renumber(self) -> None:
        """Forget all numbers of `features.interner`."""
        self.changed = list(self.eligible)
        self.is_eligible = np.zeros(1, np.bool_)
        self.numbers, self.places = np.zeros(0, np.int32), np.zeros(1, np.int32)

    def restore(
        self,
        items: Iterable[str],
        hidden: Iterable[str],
        deleted: Mapping[str, tuple[UpsertVersion, float]] | None = None,
        holes: Iterable[int] = (),
    ) -> None:
        """Load from the store; `deleted` has the version and the time of each deletion."""
        empty = list(holes)  # their items may be there once more, at later places
        self.items = list(items) if empty else list(dict.fromkeys(items))
        for place in empty:
            self.items[place] = ""
        self.holes, self.hidden = len(empty), set(hidden)
        by_time = sorted((deleted or {}).items(), key=lambda entry: entry[1][1])
        for item_id, (version, noted_at) in by_time:  # the oldest is forgotten first
            self.deleted.put(item_id, version, noted_at)
        self.eligible = set(self.items) - self.hidden - (deleted or {}).keys() - {""}
        self.renumber()

    def _number(self) -> None:
        """Number what has become known."""
        known = len(self.numbers)
        if known == len(self.items):
            return
        numbers = [ITEMS.number(item) if item else NOTHING for item in self.items[known:]]
        new = np.array(numbers, np.int32)
        if len(self.places) < len(ITEMS):
            more = np.zeros(2 * len(ITEMS) - len(self.places), np.int32)
            self.places = np.concatenate([self.places, more])
        self.places[new] = np.arange(known, len(self.items))
        self.numbers = np.concatenate([self.numbers, new])

    def numbers_at(self, places: np.ndarray, known: int, added: Sequence[str]) -> np.ndarray:
        """The numbers of the items at places in `items[:known] + added`."""
        self._number()
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

    def take_holes(self) -> list[int]:
        """The places that have become empty since this was last asked."""
        holes, self.unsaved_holes = self.unsaved_holes, []
        return holes


def draws(partitions: np.ndarray, offsets: np.ndarray, count: int) -> np.ndarray:
    """(rows, count) uint64, uniform: the same for the same partition and offset (each (rows,))."""
    seeds = (partitions.astype(np.uint64) << np.uint64(48)) ^ offsets.astype(np.uint64)
    steps = np.arange(1, count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        return mixed64(mixed64(seeds * _GOLDEN)[:, None] + steps * _GOLDEN)


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
        probabilities: (positives, draws) with which each chosen draw gave its item.
        oversampling: (positives, draws) how many times likelier that was than by a uniform draw,
            of those chosen.
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
    wanted = np.concatenate([chosen, np.ones_like(own, np.bool_), is_out], axis=1)
    chances = proposals.chances(np.concatenate([drawn, own, out], axis=1), known, wanted)
    draws = drawn.shape[1]
    may_not = proposals.left_out(_with_born(eligible, request), known, may_be)
    may_not = may_not + chances[:, draws + 1 :].sum(1)
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
