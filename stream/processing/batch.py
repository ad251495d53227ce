"""The core: a batch of events and the memory, to effects. No client, no clock.

    entries --prefetch--> ids that must be in memory --(a shell loads them)--> --process--> effects

`process` changes the memory in place; the effects hold the same changes for the store.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
import pyarrow as pa

from features import labels
from features.attributes import (
    AttributeVersion,
    item_version,
    newest,
    user_version,
    with_version,
)
from features.availability import AVAILABILITY
from features.spec import ITEM_ATTRIBUTES, ITEM_STATS, USER_ATTRIBUTES
from features.upserts import UpsertVersion
from millstream.domain.part import duration_text
from millstream.erasures import Erasure
from millstream.errors import InvalidEvent
from millstream.events import Impression, Interaction, ItemUpsert, UserUpsert
from millstream.topics import IMPRESSIONS, INTERACTIONS
from stream.ingest.alignment import DecodedRecord
from stream.ingest.records import (
    EventRecord,
    InvalidRecord,
    ItemDeletion,
    SourceRecord,
    StrayRecord,
    TopicPartition,
    UserDeletion,
)
from stream.outputs.effects import Effects
from stream.outputs.examples import ImpressionExamples, in_order, published
from stream.outputs.feature_rows import FeatureRowsBuilder
from stream.processing.interactions import process_segment
from stream.processing.overflow import enter
from stream.processing.prefetch import Prefetch
from stream.processing.segment import Segment
from stream.state.changes import Changes, state_writes
from stream.state.entities import Item, User
from stream.state.memory import Memory, Rules
from stream.state.open_windows import Attribution, LabelledItem
from stream.state.stages import Stage

# Events whose times move the watermark.
_CLOCKS = frozenset({Interaction, Impression})


def process(
    needs: Prefetch,
    memory: Memory,
    rules: Rules,
    now_s: float,
    ticks: Mapping[TopicPartition, float] | None = None,
) -> Effects:
    """Process a batch whose users and items are in memory; return its effects.

    Args:
        now_s: Unix seconds, by the clock.
        ticks: for `Watermark.advance`. They are committed with the batch and count from the next
            one on: what is decided by them is decided again if that one has to be repeated.
    """
    effects = _Batch(needs, memory, rules, now_s).effects()
    if ticks:
        memory.watermark.advance(ticks)
        effects.state.max_event_times = dict(memory.watermark.max_event_times)
    return effects


class _Batch:
    """State of one call of `process`."""

    def __init__(self, needs: Prefetch, memory: Memory, rules: Rules, now_s: float) -> None:
        self._needs, self._memory, self._rules, self._now_s = needs, memory, rules, now_s
        self._out_of_step_s = memory.watermark.out_of_step_s()
        self._segment = Segment(self._out_of_step_s)
        self._outcomes = [""] * len(needs.entries)
        self._labelled = ImpressionExamples()
        self._closed: dict[Stage, ImpressionExamples] = {}
        self._organic: list[tuple[pa.Table, np.ndarray]] = []
        self._rows = FeatureRowsBuilder(now_s)
        self._effects = Effects(made_at=now_s, logs=memory.logs)
        self._changes = Changes()

    def effects(self) -> Effects:
        memory, now_s, effects = self._memory, self._now_s, self._effects
        entries = self._needs.entries
        rotated = memory.seen.rotate(now_s, len(entries))
        memory.positions.update({entry.source: entry.offset + 1 for entry in entries})
        is_new = self._new(entries)
        for place, entry in enumerate(entries):
            self._entry(place, entry, is_new[place])
        self._process_segment()
        topics = [entry.source.topic for entry in entries]
        effects.counts.update(
            count for count in zip(topics, self._outcomes, strict=True) if count[1]
        )
        effects.watermark = memory.watermark.value()
        self._close_windows()
        self._add_examples()
        effects.features = self._rows.rows()
        effects.state = state_writes(memory, self._changes, rotated, now_s)
        return effects

    def _new(self, entries: Sequence[DecodedRecord]) -> list[bool]:
        """Which entries are not seen for the second time."""
        fingerprints = [entry.fingerprint for entry in entries if isinstance(entry, EventRecord)]
        found = self._memory.seen.add(np.array(fingerprints, np.uint64)).tolist()
        self._changes.fingerprints += compress(fingerprints, found)
        left = iter(found)
        return [next(left) if isinstance(entry, EventRecord) else True for entry in entries]

    def _entry(self, place: int, entry: DecodedRecord, is_new: bool) -> None:
        """Process one entry, or append an interaction to the segment that is processed later."""
        if isinstance(entry, InvalidRecord):
            self._refuse(place, entry)
            return
        if type(entry.event) in _CLOCKS and not entry.event.is_probe:
            self._memory.watermark.observe(entry.source, entry.event.event_time)
        if isinstance(entry, StrayRecord):
            self._effects.strays.append(entry)
            return
        if not is_new:
            self._outcomes[place] = "duplicate"
            return
        event = entry.event
        if event.is_probe:
            self._effects.probes.append(event.event_time)
        if type(event) is Interaction:
            self._interaction(place, entry)
        else:
            self._other(place, entry)

    def _other(self, place: int, record: EventRecord) -> None:
        try:
            self._outcomes[place] = _HANDLERS[type(record.event)](self, record)
        except InvalidEvent as error:
            source = SourceRecord(record.source, record.offset, None, record.value)
            self._refuse(place, InvalidRecord(source, error.reason, error.path))

    def _refuse(self, place: int, invalid: InvalidRecord) -> None:
        self._effects.dead_letters.append(invalid.letter(self._now_s))
        self._outcomes[place] = "refused"

    # Interactions: examples as of just before them, then new features.

    def _interaction(self, place: int, record: EventRecord) -> None:
        segment, is_alone = self._segment, record.event.request_id is None
        attribution = Attribution.UNATTRIBUTED if is_alone else self._attribute(place, record)
        segment.entries.append(record)
        segment.places.append(place)
        segment.attributions.append(attribution)

    def _attribute(self, place: int, record: EventRecord) -> Attribution | list[LabelledItem]:
        memory, source = self._memory, record.source
        attribution = memory.join.attribute(record.event, source, memory.watermark, self._now_s)
        if not isinstance(attribution, Attribution):
            cause = source, record.offset, record.event.event_id
            for row, labelled in enumerate(attribution):
                self._labelled.add(*cause, row, labelled, place)
            self._effects.joined += 1
        return attribution

    def _process_segment(self) -> None:
        """Process the segment of interactions."""
        segment, self._segment = self._segment, Segment(self._out_of_step_s)
        if not segment.entries:
            return
        result = process_segment(segment, self._needs, self._memory, self._rules, self._rows)
        for place, outcome in zip(segment.places, result.outcomes, strict=True):
            self._outcomes[place] = outcome
        if result.examples:
            self._organic.append(result.examples)
        self._changes.users.update(result.users)
        self._changes.items.update(result.items)
        self._keep_deleted_out(result.items)
        for user_id, entry in result.overflow:
            self._add_overflow(user_id, result.users[user_id], entry)

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

    def _add_overflow(self, user_id: str, user: User, entry: str | int) -> None:
        enter(self._changes.filters.setdefault(user_id, []), user.entries, entry)
        user.entries += 1

    def _add_examples(self) -> None:
        tables, places = [table for table, _ in self._organic], [at for _, at in self._organic]
        if self._labelled:
            tables.append(self._labelled.unpublished())
            places.append(np.array(self._labelled.places))
        found = self._effects.examples
        if tables:
            found.append((INTERACTIONS, published(in_order(tables, places), self._now_s)))
        for stage, closed in self._closed.items():
            if closed:
                table = closed.table(self._now_s)
                found.append((IMPRESSIONS, table.replace_schema_metadata(_lane(stage))))

    # A list that was shown.

    def _impression(self, record: EventRecord) -> str:
        memory = self._memory
        is_new = memory.join.open(record, memory.watermark, self._now_s)
        return "waiting" if is_new else "duplicate"

    def _close_windows(self) -> None:
        watermark, effects = self._memory.watermark, self._effects
        for closed in self._memory.join.close(watermark):
            effects.closed[closed.reason] += closed.is_last
            if closed.reason == "memory":
                effects.window_held_s = watermark.newest() - closed.event_time
            rows = self._closed.setdefault(closed.stage, ImpressionExamples())
            for row, shown in enumerate(closed.left):
                rows.add(closed.source, closed.offset, shown.impression.event_id, row, shown)
        effects.late, self._memory.join.late = self._memory.join.late, Counter()

    # The catalogue and the accounts.

    def _item(self, record: EventRecord) -> str:
        self._process_segment()  # by what was known until now
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

    def _delete_item(self, record: EventRecord) -> str:
        self._process_segment()  # by what was known until now
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

    def _user(self, record: EventRecord) -> str:
        self._process_segment()  # by what was known until now
        event: UserUpsert = record.event
        user = self._memory.users[event.user_id]
        user.versions = with_version(user.versions, user_version(event))
        self._changes.users[event.user_id] = user
        self._rows.attributes(USER_ATTRIBUTES).add(event.user_id, newest(user.versions), record)
        return "upserted"

    def _forget_user(self, record: EventRecord) -> str:
        self._process_segment()  # by what was known until now
        event: UserDeletion = record.event
        self._memory.users.put(event.user_id, User())
        self._memory.join.forget_user(event.user_id)
        source = record.source
        log = self._memory.logs.get(source.topic, "")
        erasure = Erasure(
            erased_at=self._now_s, partition=source.partition, offset=record.offset, log=log
        )
        self._changes.erase(event.user_id, erasure)
        self._rows.forget("user", event.user_id, event.event_time, record)
        return "erased"


def _lane(stage: Stage) -> dict[str, str] | None:
    """Metadata of rows of lists that a stage has closed; none where there is one stage."""
    return {"source_lane": duration_text(stage.window_s)} if labels.ARE_DECLARED else None


# Not in the batch itself: a cycle would keep all of it until the next collection.
_HANDLERS: dict[Any, Callable[[_Batch, EventRecord], str]] = {
    Impression: _Batch._impression,
    ItemUpsert: _Batch._item,
    UserUpsert: _Batch._user,
    UserDeletion: _Batch._forget_user,
    ItemDeletion: _Batch._delete_item,
}
