"""Which events make an item count as seen by their user, and where that is kept.

Where every event of the user's recent list does, and for as long as it is remembered, what is in
the list is seen, and what falls out of it goes into the user's filter. Where some do not, the list
says nothing of it: each event that does goes into the filter at once.

Where an item counts as seen for a time only (`seen_for`), or by some kinds only, its event leaves
marks in the same filter: of the item, the kind and the quarter of the time in which it happened. A
list looks for the marks of the quarters that are not over: seen is what happened within the time,
or up to a quarter of it before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xxhash

from features.bloom import digests
from features.spec import RECENT
from millstream.domain import domain
from millstream.domain.kinds import Kind
from millstream.domain.placements import Placement
from millstream.ids import id64_array

QUARTERS = 4


def _always(kinds: Mapping[str, Kind]) -> frozenset[str]:
    return frozenset(name for name, kind in kinds.items() if kind.seen and not kind.seen_for)


_KINDS = domain().kinds
SEEN_KINDS = frozenset(name for name, kind in _KINDS.items() if kind.seen)
# Those of which it is so for as long as it is remembered.
ALWAYS_SEEN_KINDS = _always(_KINDS)
_RECENT = domain().user.features[RECENT.removeprefix("user_")]
# Whether all items of the recent list are seen.
RECENT_ARE_SEEN = frozenset(getattr(_RECENT, "kinds", None) or _KINDS) <= ALWAYS_SEEN_KINDS


class Mark(NamedTuple):
    """Mark that an event of one kind leaves in a filter beside its item.

    Args:
        window_s: how long it counts, seconds; None is for as long as it is remembered.
    """

    kind: str
    window_s: float | None

    def quarter(self, time_s: float) -> int:
        """The quarter of the window that `time_s` is in; 0 where there is no window."""
        return int(time_s // (self.window_s / QUARTERS)) if self.window_s else 0

    def counting(self, now_s: float) -> range:
        """Quarters whose events count at `now_s`."""
        newest = self.quarter(now_s)
        return range(newest - QUARTERS, newest + 1) if self.window_s else range(1)

    def digests(self, keys: np.ndarray, quarter: int) -> np.ndarray:
        """Entries of a filter for items by their 64-bit keys, (items,) uint64."""
        salt = xxhash.xxh3_64_intdigest(f"{self.kind}\0{self.window_s}\0{quarter}".encode())
        return digests(keys, salt)


@dataclass(frozen=True)
class SeenRule:
    """Which events make an item count as seen, for one list.

    Args:
        always: kinds that count for as long as they are remembered, by what a filter or the recent
            list has of an item.
        marks: kinds that count, with their windows, by the marks that they leave.
        any_kind: whether what the caller says that the user met, without a kind, counts.
    """

    always: frozenset[str]
    marks: tuple[Mark, ...]
    any_kind: bool = True

    @property
    def by_item(self) -> bool:
        """True if an entry of a filter or of the recent list counts."""
        return bool(self.always)

    def counts(self, kind: str, time_s: float, now_s: float) -> bool:
        """True if an event makes its item count as seen at `now_s`; "" is no kind."""
        if not kind:
            return self.any_kind
        if kind in self.always:
            return True
        return any(m.kind == kind and m.quarter(time_s) in m.counting(now_s) for m in self.marks)


def seen_rule(kinds: Mapping[str, Kind], placement: Placement | None = None) -> SeenRule:
    """The rule of a placement, or of lists without one, where `kinds` are those of the domain."""
    if placement is None or not (placement.seen_kinds or placement.seen_for):
        timed = ((name, kind.seen_for) for name, kind in kinds.items() if kind.seen_for)
        return SeenRule(_always(kinds), tuple(Mark(*each) for each in timed))
    named = placement.seen_kinds or [name for name, kind in kinds.items() if kind.seen]
    marks = tuple(Mark(name, placement.seen_for or kinds[name].seen_for) for name in named)
    return SeenRule(frozenset(), marks, any_kind=not placement.seen_kinds)


def marks_by_kind(
    kinds: Mapping[str, Kind], placements: Mapping[str, Placement]
) -> dict[str, tuple[Mark, ...]]:
    """The marks that events of each kind leave; those that leave none are left out."""
    rules = [seen_rule(kinds), *(seen_rule(kinds, each) for each in placements.values())]
    marks = dict.fromkeys(mark for rule in rules for mark in rule.marks)
    return {
        name: tuple(mark for mark in marks if mark.kind == name)
        for name in kinds
        if any(mark.kind == name for mark in marks)
    }


MARKS = marks_by_kind(_KINDS, domain().placements)
DEFAULT_RULE = seen_rule(_KINDS)


def entries_of(
    item_id: str, kind: str, time_s: float, marks: Mapping[str, tuple[Mark, ...]] = MARKS
) -> list[int]:
    """The marks of one event, as entries of a filter."""
    keys = id64_array([item_id])
    return [int(m.digests(keys, m.quarter(time_s))[0]) for m in marks.get(kind, ())]
