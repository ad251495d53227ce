"""Before a batch is processed: what of it is new, and which users and items it needs in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.labels import TWO_SIDED_KINDS, label_of
from millstream.events import Interaction, ItemUpsert, UserUpsert
from stream.catalogue import SPARE_DRAWS, Catalogue, draws
from stream.intake import Entry
from stream.memory import Memory, Rules
from stream.records import Sourced

_TOUCH_USERS = frozenset({Interaction, UserUpsert})
_TOUCH_ITEMS = frozenset({Interaction, ItemUpsert})


@dataclass(frozen=True)
class Plan:
    """A batch and its needs.

    Args:
        entries: what is at or past the positions that were reached.
        candidates: items drawn for the positives, by the index of their entry.
        users, items: ids that have to be in memory before the batch is processed.
    """

    entries: list[Entry]
    candidates: dict[int, list[str]]
    users: set[str]
    items: set[str]


def plan(entries: Sequence[Entry], memory: Memory, rules: Rules) -> Plan:
    """What a batch needs; nothing is changed yet."""
    reached = memory.positions
    fresh = [entry for entry in entries if entry.offset >= reached.get(entry.source, 0)]
    candidates = _candidates(fresh, memory.catalogue, rules.sampled_negatives)
    events = [entry.event for entry in fresh if isinstance(entry, Sourced)]
    users = {event.user_id for event in events if type(event) in _TOUCH_USERS}
    items = {event.item_id for event in events if type(event) in _TOUCH_ITEMS}
    return Plan(fresh, candidates, users, items.union(*candidates.values()))


def _candidates(entries: Sequence[Entry], catalogue: Catalogue, count: int) -> dict[int, list[str]]:
    """Items drawn from what is known before the batch, for each positive that may need them."""
    known = catalogue.items
    positives = [index for index, entry in enumerate(entries) if _wants_negatives(entry)]
    if not known or not positives or not count:
        return {}
    partitions = np.array([entries[index].source.partition for index in positives])
    offsets = np.array([entries[index].offset for index in positives])
    places = draws(partitions, offsets, count + SPARE_DRAWS) % np.uint64(len(known))
    rows = ([known[place] for place in row] for row in places.tolist())
    return dict(zip(positives, rows, strict=True))


def _wants_negatives(entry: Entry) -> bool:
    if not isinstance(entry, Sourced) or not isinstance(entry.event, Interaction):
        return False
    event = entry.event
    is_positive = label_of(event.kind, event.value) == 1.0
    return is_positive and not event.is_probe and event.kind not in TWO_SIDED_KINDS
