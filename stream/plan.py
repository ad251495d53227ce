"""Before a batch is processed: what of it is new, and which users and items it needs in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.labels import TWO_SIDED_KINDS, label_of
from millstream.events import Interaction, ItemUpsert, UserUpsert
from stream.catalogue import SPARE_DRAWS, draws
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
        drawn: (positives, draws) places in the catalogue's items.
        positives: rows of `drawn` by the index of their entry.
        users, items: ids that have to be in memory before the batch is processed.
    """

    entries: list[Entry]
    drawn: np.ndarray
    positives: dict[int, int]
    users: set[str]
    items: set[str]


def plan(entries: Sequence[Entry], memory: Memory, rules: Rules) -> Plan:
    """What a batch needs; nothing is changed yet."""
    reached = memory.positions
    fresh = [entry for entry in entries if entry.offset >= reached.get(entry.source, 0)]
    known, count = memory.catalogue.items, rules.sampled_negatives
    positives = [index for index, entry in enumerate(fresh) if _wants_negatives(entry)]
    if not known or not count:
        positives = []
    drawn = _drawn([fresh[index] for index in positives], len(known), count)
    events = [entry.event for entry in fresh if type(entry) is Sourced]
    users = {event.user_id for event in events if type(event) in _TOUCH_USERS}
    items = {event.item_id for event in events if type(event) in _TOUCH_ITEMS}
    items.update([known[place] for place in np.unique(drawn).tolist()])
    rows = {index: row for row, index in enumerate(positives)}
    return Plan(fresh, drawn, rows, users, items)


def _drawn(positives: Sequence[Entry], known: int, count: int) -> np.ndarray:
    """Draws from what is known before the batch."""
    partitions = np.array([entry.source.partition for entry in positives], np.int64)
    offsets = np.array([entry.offset for entry in positives], np.int64)
    places = draws(partitions, offsets, count + SPARE_DRAWS) % np.uint64(max(known, 1))
    return places.astype(np.int64)


def _wants_negatives(entry: Entry) -> bool:
    if type(entry) is not Sourced or type(entry.event) is not Interaction:
        return False
    event = entry.event
    is_positive = label_of(event.kind, event.value) == 1.0
    return is_positive and not event.is_probe and event.kind not in TWO_SIDED_KINDS
