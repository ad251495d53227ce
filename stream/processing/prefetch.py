"""Prefetch: the new entries of a batch, and the users and items it needs in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.labels import wants_negatives
from millstream.events import Interaction, ItemUpsert, UserUpsert
from stream.ingest.alignment import DecodedRecord
from stream.ingest.records import EventRecord, ItemDeletion
from stream.state.known_items import SPARE_DRAWS, draws
from stream.state.memory import Memory, Rules

_TOUCH_USERS = frozenset({Interaction, UserUpsert})
_TOUCH_ITEMS = frozenset({Interaction, ItemUpsert, ItemDeletion})


@dataclass(frozen=True)
class Prefetch:
    """A batch and its needs.

    Args:
        entries: what is at or past the positions that were reached.
        known: how many items are known before the batch.
        added: those that become known in it, in their order.
        drawn: (positives, draws) places in known and added items, of those that are known before
            each positive.
        positives: rows of `drawn` by the index of their entry.
        users, items: ids that have to be in memory before the batch is processed.
    """

    entries: list[DecodedRecord]
    known: int
    added: list[str]
    drawn: np.ndarray
    positives: dict[int, int]
    users: set[str]
    items: set[str]


def prefetch(entries: Sequence[DecodedRecord], memory: Memory, rules: Rules) -> Prefetch:
    """Determine the needs of a batch; nothing is changed yet."""
    positions = memory.positions
    fresh = [entry for entry in entries if entry.offset >= positions.get(entry.source, 0)]
    events = [entry.event for entry in fresh if type(entry) is EventRecord]
    users = {event.user_id for event in events if type(event) in _TOUCH_USERS}
    items = {event.item_id for event in events if type(event) in _TOUCH_ITEMS}
    known, added = memory.known_items.items, _added(fresh, items, memory)
    positives, drawn = _drawn(fresh, len(known), list(added.values()), rules.sampled_negatives)
    new = list(added)
    for place in np.unique(drawn).tolist():
        items.add(known[place] if place < len(known) else new[place - len(known)])
    if positives and not set(rules.negative_shares) <= {"uniform"}:
        items.update(memory.recent_positives.ids())
    items.discard("")  # the place of an item that was deleted
    return Prefetch(fresh, len(known), new, drawn, positives, users, items)


def _drawn(
    fresh: Sequence[DecodedRecord], known: int, added_at: Sequence[int], count: int
) -> tuple[dict[int, int], np.ndarray]:
    """Draws of each positive from what is known before it, wherever its batch begins."""
    wanting = [n for n, entry in enumerate(fresh) if count and _wants_negatives(entry)]
    lengths = known + np.searchsorted(np.array(added_at, np.int64), wanting)
    positives = [n for n, length in zip(wanting, lengths.tolist(), strict=True) if length]
    partitions = np.array([fresh[n].source.partition for n in positives], np.int64)
    offsets = np.array([fresh[n].offset for n in positives], np.int64)
    places = draws(partitions, offsets, count + SPARE_DRAWS)
    places %= lengths[lengths > 0, None].astype(np.uint64)
    return {n: row for row, n in enumerate(positives)}, places.astype(np.int64)


def _added(fresh: Sequence[DecodedRecord], items: set[str], memory: Memory) -> dict[str, int]:
    """Items that the batch makes known, and the index of the entry that does, in that order."""
    unknown = {item for item in items if item not in memory.known_items}
    added: dict[str, int] = {}
    if not unknown:
        return added
    for n, entry in enumerate(fresh):
        if type(entry) is not EventRecord or type(entry.event) not in _TOUCH_ITEMS:
            continue
        event = entry.event
        if event.item_id in unknown and not event.is_probe:
            added.setdefault(event.item_id, n)
    return added


def _wants_negatives(entry: DecodedRecord) -> bool:
    if type(entry) is not EventRecord or type(entry.event) is not Interaction:
        return False
    event = entry.event
    return not event.is_probe and wants_negatives(event.kind, event.value)
