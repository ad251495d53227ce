"""Prefetch: the new entries of a batch, and the users and items it needs in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from millstream.events import Interaction, ItemUpsert, UserUpsert
from stream.ingest.alignment import DecodedRecord
from stream.ingest.records import EventRecord, ItemDeletion, TouchesRecord
from stream.processing.touches import OFFSET, PARTITION, Touches, in_step, touches_of
from stream.state.known_items import SPARE_DRAWS, draws
from stream.state.memory import Memory, Rules

NO_DRAW = -1
_TOUCH_USERS = frozenset({Interaction, UserUpsert})
_CATALOGUE = frozenset({ItemUpsert, ItemDeletion})


@dataclass(frozen=True)
class Prefetch:
    """A batch and its needs.

    Args:
        entries: what is at or past the positions that were reached.
        users, items: ids that have to be in memory before the batch is processed.
        touches: what the users of earlier batches ask of items, without what was worked on before;
            None where there is nothing.
        logs: that the touches' positions are of, and how many of them, in their order.
        touched: how far the touches of each partition of users come, see `Memory.touched`.
        again: how many touches were left out.
        known: how many items are known before the batch.
        added: those that become known in it, in their order.
        drawn: (positives, draws) places in known and added items, of those that are known before
            each positive.
        positives: (asks,) rows of `drawn`, `NO_DRAW` for what has no negatives.
    """

    entries: list[DecodedRecord]
    users: set[str]
    items: set[str]
    touches: Touches | None = None
    logs: Sequence[tuple[str, int]] = ()
    touched: Mapping[tuple[str, int], int] = field(default_factory=dict)
    again: int = 0
    known: int = 0
    added: Sequence[str] = ()
    drawn: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    positives: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


def prefetch(entries: Sequence[DecodedRecord], memory: Memory, rules: Rules) -> Prefetch:
    """Determine the needs of a batch; nothing is changed yet."""
    positions = memory.positions
    fresh = [
        entry
        for entry in entries
        # Of touches the rows are known that were worked on: a record may end before it began.
        if type(entry) is TouchesRecord or entry.offset >= positions.get(entry.source, 0)
    ]
    records = [entry for entry in fresh if type(entry) is EventRecord]
    events = [record.event for record in records]
    users = {event.user_id for event in events if type(event) in _TOUCH_USERS}
    items = {event.item_id for event in events if type(event) is Interaction}
    catalogue = [event for event in events if type(event) in _CATALOGUE]
    items |= {event.item_id for event in catalogue}
    came = [entry for entry in fresh if type(entry) is TouchesRecord]
    tables, touched = _new(came, memory.touched)
    again = sum(len(each.table) for each in came) - sum(len(table) for _, table in tables)
    if not tables:
        return Prefetch(fresh, users, items, touched=touched, again=again)
    if len({log for log, _ in tables}) == 1:
        tables = [(tables[0][0], table) for table in in_step([table for _, table in tables])]
    touches = touches_of([table for _, table in tables])
    items |= {update.item_id for update in touches.columns.updates}
    known, added = memory.known_items.items, _added(catalogue, touches, memory)
    lengths = _lengths(touches, len(known), list(added.values()))
    count = rules.sampled_negatives
    positives, drawn = _drawn(touches, lengths, count + SPARE_DRAWS if count else 0)
    new = list(added)
    for place in np.unique(drawn).tolist():
        items.add(known[place] if place < len(known) else new[place - len(known)])
    if len(drawn) and not set(rules.negative_shares) <= {"uniform"}:
        items.update(memory.recent_positives.ids())
    items.discard("")  # the place of an item that was deleted
    return Prefetch(
        fresh,
        users,
        items,
        touches,
        [(log, len(table)) for log, table in tables],
        touched,
        again,
        len(known),
        new,
        drawn,
        positives,
    )


def _new(
    records: Sequence[TouchesRecord], touched: Mapping[tuple[str, int], int]
) -> tuple[list[tuple[str, pa.Table]], dict[tuple[str, int], int]]:
    """Rows that were not worked on before, with their log, and how far all come.

    A crash makes rows come twice.
    """
    reached, tables = dict(touched), []
    for record in records:
        partitions = record.table[PARTITION].to_numpy()
        offsets, is_new = record.table[OFFSET].to_numpy(), np.ones(len(record.table), np.bool_)
        for partition in np.unique(partitions).tolist():
            own, key = partitions == partition, (record.log, partition)
            is_new[own] = offsets[own] > reached.get(key, -1)
            reached[key] = max(reached.get(key, -1), int(offsets[own].max()))
        if is_new.any():
            table = record.table if is_new.all() else record.table.filter(pa.array(is_new))
            tables.append((record.log, table))
    return tables, {key: mark for key, mark in reached.items() if touched.get(key) != mark}


def _added(
    catalogue: Sequence[ItemUpsert | ItemDeletion], touches: Touches, memory: Memory
) -> dict[str, int]:
    """Items that the batch makes known, in that order, and the touches' event that does.

    The catalogue comes first: what it makes known is there before every event.
    """
    known, added = memory.known_items, dict[str, int]()
    for event in catalogue:
        if not event.is_probe and event.item_id not in known:
            added.setdefault(event.item_id, NO_DRAW)
    updates = touches.columns.updates
    unknown = {item for item in {u.item_id for u in updates} if item not in known}
    if unknown:
        for n, (update, is_probe) in enumerate(
            zip(updates, touches.is_probe.tolist(), strict=True)
        ):
            if update.item_id in unknown and not is_probe:
                added.setdefault(update.item_id, n)
    return added


def _lengths(touches: Touches, known: int, added_at: Sequence[int]) -> np.ndarray:
    """(asks,) how many items are known before each ask, wherever its batch begins."""
    return known + np.searchsorted(np.array(added_at, np.int64), touches.asks.events)


def _drawn(touches: Touches, lengths: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of draws by ask, and the draws of each positive from what is known before it."""
    asks, offsets = touches.asks, touches.offsets
    wanting = np.flatnonzero(asks.wants & (lengths > 0)) if count else np.zeros(0, np.int64)
    positives = np.full(len(asks.events), NO_DRAW)
    positives[wanting] = np.arange(len(wanting))
    events = asks.events[wanting]
    places = draws(offsets.partitions[events], offsets.offsets[events], count)
    places %= lengths[wanting, None].astype(np.uint64)
    return positives, places.astype(np.int64)
