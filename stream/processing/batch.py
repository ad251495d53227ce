"""The core: a batch of events and the memory, to effects. No client, no clock.

    entries --prefetch--> ids that must be in memory --(a shell loads them)--> --process--> effects

The items' side comes first (`stream/processing/item_side.py`): the catalogue, then the touches of
earlier batches. Then come the users, whose events leave touches. `process` changes the memory in
place; the effects hold the same changes for the store.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np

from features import labels
from features.attributes import newest, user_version, with_version
from features.spec import USER_ATTRIBUTES
from millstream.domain.part import duration_text
from millstream.erasures import Erasure
from millstream.errors import InvalidEvent
from millstream.events import Impression, Interaction, ItemUpsert, UserUpsert
from millstream.topics import IMPRESSIONS, INTERACTIONS, ITEMS, TOUCHES
from stream.ingest.alignment import DecodedRecord
from stream.ingest.records import (
    EventRecord,
    InvalidRecord,
    ItemDeletion,
    SourceRecord,
    StrayRecord,
    TopicPartition,
    TouchesRecord,
    UserDeletion,
)
from stream.outputs.effects import Effects
from stream.outputs.examples import ImpressionExamples
from stream.outputs.feature_rows import FeatureRowsBuilder
from stream.processing.item_side import ItemSide
from stream.processing.overflow import enter
from stream.processing.prefetch import Prefetch
from stream.processing.segment import Segment
from stream.processing.user_stage import UserStage
from stream.state.changes import Changes, reached, state_writes
from stream.state.entities import User
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
        effects.state.max_event_times = reached(memory)
    return effects


class _Batch:
    """State of one call of `process`."""

    def __init__(self, needs: Prefetch, memory: Memory, rules: Rules, now_s: float) -> None:
        self._needs, self._memory, self._rules, self._now_s = needs, memory, rules, now_s
        self._out_of_step_s = memory.watermark.out_of_step_s()
        self._segment = Segment()
        self._outcomes = [""] * len(needs.entries)
        self._closed: dict[Stage, ImpressionExamples] = {}
        self._rows = FeatureRowsBuilder(now_s)
        self._effects = Effects(made_at=now_s, logs=memory.logs)
        self._changes = Changes()
        self._items = ItemSide(memory, rules, self._changes, self._rows, self._effects, now_s)

    def effects(self) -> Effects:
        memory, now_s, effects = self._memory, self._now_s, self._effects
        entries = self._needs.entries
        is_rotated = memory.rotate(now_s, len(entries))
        memory.positions.update({entry.source: entry.offset + 1 for entry in entries})
        is_new = self._new(entries)
        is_item = [entry.source.topic == ITEMS.name for entry in entries]
        for place in compress(range(len(entries)), is_item):
            self._entry(place, entries[place], is_new[place])
        self._items.touches(self._needs)
        for place, entry in enumerate(entries):
            if not is_item[place]:
                self._entry(place, entry, is_new[place])
        self._process_segment()
        topics = [entry.source.topic for entry in entries]
        effects.counts.update(
            (topic, outcome)
            for topic, outcome in zip(topics, self._outcomes, strict=True)
            if outcome and topic != TOUCHES.name
        )
        effects.watermark = memory.watermark.value()
        self._close_windows()
        effects.features = self._rows.rows()
        effects.state = state_writes(memory, self._changes, is_rotated, now_s)
        return effects

    def _new(self, entries: Sequence[DecodedRecord]) -> list[bool]:
        """Which entries are not seen for the second time."""
        records = [entry for entry in entries if isinstance(entry, EventRecord)]
        found = self._memory.seen.add(np.array([r.fingerprint for r in records], np.uint64))
        for record in compress(records, found.tolist()):
            own = self._changes.fingerprints.setdefault(record.source, [])
            own.append(record.fingerprint)
        left = iter(found.tolist())
        return [next(left) if isinstance(entry, EventRecord) else True for entry in entries]

    def _entry(self, place: int, entry: DecodedRecord, is_new: bool) -> None:
        """Process one entry, or append an interaction to the segment that is processed later."""
        if isinstance(entry, TouchesRecord):
            if entry.erased[0]:
                self._effects.told_erased.append(entry.erased)
            return
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

    # Interactions: new features of their users, and touches.

    def _interaction(self, place: int, record: EventRecord) -> None:
        segment, is_alone = self._segment, record.event.request_id is None
        attribution = Attribution.UNATTRIBUTED if is_alone else self._attribute(record)
        segment.entries.append(record)
        segment.places.append(place)
        segment.attributions.append(attribution)

    def _attribute(self, record: EventRecord) -> Attribution | list[LabelledItem]:
        memory, source = self._memory, record.source
        attribution = memory.join.attribute(record.event, source, memory.watermark, self._now_s)
        self._effects.joined += not isinstance(attribution, Attribution)
        return attribution

    def _process_segment(self) -> None:
        """Process the users of the segment of interactions."""
        segment, self._segment = self._segment, Segment()
        if not segment.entries:
            return
        # While partitions are out of step, what the slower ones bring is not late; the batch that
        # brings it has put them back in step by now.
        apart_s = max(self._out_of_step_s, self._memory.watermark.out_of_step_s())
        horizon_s = self._rules.allowed_lateness_s + apart_s
        result = UserStage(segment, self._memory, horizon_s).result(self._rows)
        for place, outcome in zip(segment.places, result.outcomes, strict=True):
            self._outcomes[place] = outcome
        self._effects.touches.append(result.touches.table())
        log = self._memory.logs.get(INTERACTIONS.name, "")
        asked = ((log, e.source.partition) for e in segment.entries)
        offsets = (entry.offset for entry in segment.entries)
        self._changes.asked.update(zip(asked, offsets, strict=True))
        self._changes.users.update(result.users)
        for user_id, entry in result.overflow:
            self._add_overflow(user_id, result.users[user_id], entry)

    def _add_overflow(self, user_id: str, user: User, entry: str | int) -> None:
        enter(self._changes.filters.setdefault(user_id, []), user.entries, entry)
        user.entries += 1

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
        for stage, closed_rows in self._closed.items():
            if closed_rows:
                table = closed_rows.table(self._now_s).replace_schema_metadata(_lane(stage))
                effects.examples.append((IMPRESSIONS, table))

    # The accounts.

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
    ItemUpsert: lambda batch, record: batch._items.upsert(record),
    UserUpsert: _Batch._user,
    UserDeletion: _Batch._forget_user,
    ItemDeletion: lambda batch, record: batch._items.delete(record),
}
