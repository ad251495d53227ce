"""The items' side of a batch: the catalogue first, then what the events of users ask of items."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from features.attributes import AttributeVersion, item_version, newest, with_version
from features.availability import AVAILABILITY
from features.spec import ITEM_ATTRIBUTES, ITEM_STATS
from features.upserts import UpsertVersion
from millstream.events import ItemUpsert
from millstream.topics import INTERACTIONS
from stream.ingest.records import EventRecord, ItemDeletion, TopicPartition
from stream.outputs.effects import Effects
from stream.outputs.examples import in_order, published
from stream.outputs.feature_rows import FeatureRowsBuilder
from stream.processing.item_stage import ItemStage
from stream.processing.prefetch import Prefetch
from stream.processing.touches import Touches
from stream.state.changes import Changes
from stream.state.entities import Item
from stream.state.memory import Memory, Rules


class ItemSide:
    """The items' side of one batch; memory, changes, rows and effects grow in place.

    Args:
        now_s: Unix seconds, by the clock.
    """

    def __init__(
        self,
        memory: Memory,
        rules: Rules,
        changes: Changes,
        rows: FeatureRowsBuilder,
        effects: Effects,
        now_s: float,
    ) -> None:
        self._memory, self._rules, self._now_s = memory, rules, now_s
        self._changes, self._rows, self._effects = changes, rows, effects

    # The catalogue.

    def upsert(self, record: EventRecord) -> str:
        """Take an item's upsert; the outcome."""
        event: ItemUpsert = record.event
        item = self._memory.items[event.item_id]
        item.versions = with_version(item.versions, item_version(event))
        if newest(item.versions).deleted:  # later, by event time
            item.versions = item.versions[-1:]
            self._remember_deleted(event.item_id, item)
            return "upserted"
        if event.item_id in self._memory.known_items.deleted:
            self._memory.known_items.bring_back(event.item_id)
            self._changes.bring_back(event.item_id)
        self._changes.items[event.item_id] = item
        self._rows.attributes(ITEM_ATTRIBUTES).add(event.item_id, newest(item.versions), record)
        if not event.is_probe:
            self._know(event.item_id, newest(item.versions))
        return "upserted"

    def _know(self, item_id: str, version: AttributeVersion) -> None:
        """Know an item, unless its time is over, and hide it while it is not available."""
        known_items, now_s = self._memory.known_items, self._now_s
        span = AVAILABILITY.span(version.values)
        known_items.schedule.put(item_id, span.hidden() if version.hidden else span, now_s)
        if span.is_over(now_s):
            known_items.expire([item_id])
            self._changes.hidden.discard(item_id)
            self._changes.shown.add(item_id)
            return
        known_items.add(item_id)
        self._show(item_id, hidden=version.hidden or not span.is_open(now_s))

    def _show(self, item_id: str, hidden: bool) -> None:
        known_items, changes = self._memory.known_items, self._changes
        if hidden == (item_id in known_items.hidden):
            return
        known_items.hide(item_id, hidden)
        (changes.hidden if hidden else changes.shown).add(item_id)
        (changes.shown if hidden else changes.hidden).discard(item_id)

    def delete(self, record: EventRecord) -> str:
        """Take an item's deletion; the outcome."""
        event: ItemDeletion = record.event
        item = self._memory.items[event.item_id]
        deletion = AttributeVersion(event.event_time, {}, True, event.event_id, deleted=True)
        item.versions = with_version(item.versions, deletion)
        if newest(item.versions) is not deletion:
            if newest(item.versions).deleted:
                item.versions = item.versions[-1:]
                self._remember_deleted(event.item_id, item)
            else:
                self._changes.items[event.item_id] = item
            return "deleted"
        left = Item(versions=(deletion,))
        version = UpsertVersion(event.event_time, event.event_id)
        self._memory.items.put(event.item_id, left)
        self._memory.known_items.delete(event.item_id, version, self._now_s)
        self._changes.remove(event.item_id, left)
        self._rows.forget("item", event.item_id, event.event_time, record)
        return "deleted"

    # What events ask of items.

    def touches(self, needs: Prefetch) -> None:
        """Advance the items that were touched, and make the examples that were asked for."""
        self._memory.touched.update(needs.touched)
        touches, told = needs.touches, self._effects.touched
        told["again"] += needs.again
        if touches is None:
            return
        told["new"] += len(touches.is_probe)
        memory, rules = self._memory, self._rules
        found = ItemStage(touches, needs, memory, rules, self._horizon_s(touches)).result(
            self._rows
        )
        self._changes.items.update(found.items)
        self._keep_deleted_out(found.items)
        late, asked = len(found.late), len(touches.asks.events)
        self._effects.counts[INTERACTIONS.name, "late"] += late
        self._effects.counts[INTERACTIONS.name, "organic"] += asked - late
        tables: list[pa.Table] = []
        events: list[np.ndarray] = []
        if found.examples:
            tables.append(found.examples[0])
            events.append(found.examples[1])
        if touches.joined:
            tables.append(touches.joined.unpublished())
            events.append(np.array(touches.joined.places))
        if tables:
            self._publish(in_order(tables, events), np.sort(np.concatenate(events)), needs.logs)

    def _publish(self, rows: pa.Table, events: np.ndarray, logs: Sequence[tuple[str, int]]) -> None:
        """Publish the examples of (rows,) events, ascending, under the logs of their positions."""
        begins = np.cumsum([0, *(count for _, count in logs)])
        cuts = np.searchsorted(events, begins)
        for (log, _), start, stop in zip(logs, cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            if start < stop:
                table = published(rows.slice(start, stop - start), self._now_s)
                if log:
                    table = table.replace_schema_metadata({"source_log": log})
                self._effects.examples.append((INTERACTIONS, table))

    def _horizon_s(self, touches: Touches) -> float:
        """How far back histories reach: further while partitions of users are out of step."""
        clock, partitions = self._memory.item_clock, touches.offsets.partitions
        before_s = clock.out_of_step_s()
        real = ~touches.is_probe
        for partition in np.unique(partitions[real]).tolist():
            times = touches.columns.times[real & (partitions == partition)]
            clock.observe(TopicPartition(INTERACTIONS.name, partition), float(times.max()))
        return self._rules.allowed_lateness_s + max(before_s, clock.out_of_step_s())

    def _keep_deleted_out(self, items: Mapping[str, Item]) -> None:
        """What people do with deleted items brings none back: it is kept for a day, offline."""
        for item_id, item in items.items():
            if item.versions and item.versions[-1].deleted:
                self._remember_deleted(item_id, item)
                self._changes.items.pop(item_id)
                self._rows.keep_offline(ITEM_STATS, item_id)

    def _remember_deleted(self, item_id: str, item: Item) -> None:
        """Keep what is left of a deleted item, whose deletion may have been forgotten."""
        if item_id not in self._memory.known_items.deleted:
            version = UpsertVersion(item.versions[-1].time, item.versions[-1].event_id)
            self._memory.known_items.delete(item_id, version, self._now_s)
        self._changes.gone[item_id] = item
