"""The first pass: every event once, in the order of the log, to the bucket of its user.

What needs all events in their order is done here: repeated ids are left out as the stream leaves
them out, by event time instead of the clock; items come to be known in their order; an event gets
the lists of its item as of its time. Memory holds the catalogue's lists, the ids of one window, and
the rows that are not written yet.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple
from itertools import islice
from math import inf
from typing import Any

import msgspec
import numpy as np

from features.attributes import (
    AttributeVersion,
    Versions,
    item_version,
    newest,
    user_version,
    version_at,
    with_version,
)
from features.availability import ALWAYS, AVAILABILITY
from features.dedup import SeenIds, pack
from features.upserts import UpsertVersion
from millstream.errors import InvalidEvent
from millstream.events import Impression, Interaction, ItemUpsert, UserUpsert
from stream.history.buckets import buckets_of
from stream.history.rows import USER_LISTS, Lists, Row, row_of, table_of, whole_row
from stream.history.work import Work, replace_file
from stream.ingest.records import EventRecord, ItemDeletion
from stream.state.earlier_layout import stored_entity
from stream.state.known_items import KnownItems
from stream.state.memory import Rules
from stream.state.watermark import Watermark

_AT_ONCE = 5_000
# Rows that are gathered before they are written.
_ROWS = 200_000


class Scanned(msgspec.Struct):
    """What the first pass found.

    Args:
        events, repeated, refused: how many went on, came again, or made no sense.
        interactions: how many of the events were.
        first_s, last_s: times of the oldest and the newest event, Unix seconds.
        known, hidden: items in the order in which they came to be known, and those to be left out.
        deleted: event time and id of the deletion of deleted items.
        spans: from when until when known items are available, and whether they are in stock, where
            that is not always.
        marks: fingerprints of the ids of the last two windows, 8 bytes each.
        positions, reached: by topic and partition, the next offset and the newest event time.
    """

    events: int = 0
    repeated: int = 0
    refused: int = 0
    interactions: int = 0
    first_s: float = inf
    last_s: float = -inf
    known: list[str] = []
    hidden: list[str] = []
    deleted: dict[str, tuple[float, str]] = {}
    spans: dict[str, tuple[float, float, bool]] = {}
    marks: tuple[bytes, bytes] = (b"", b"")
    positions: list[tuple[str, int, int]] = []
    reached: list[tuple[str, int, float]] = []


def scan(
    records: Iterable[EventRecord],
    work: Work,
    rules: Rules,
    on_progress: Callable[[int], object] = lambda done: None,
    before: Scanned | None = None,
) -> Scanned:
    """Read a log and write its events into the buckets of `work`.

    Args:
        before: of the run whose end this one goes on from: its ids are known.
        on_progress: told how many records were read.
    """
    state, left, done = _Scan(work, rules, before), iter(records), 0
    while some := list(islice(left, _AT_ONCE)):
        state.take(some)
        done += len(some)
        on_progress(done)
    found = state.finish()
    replace_file(work.folder / "scan.msgpack", msgspec.msgpack.encode(found))
    return found


class _Scan:
    """What is known so far, and rows that are not written yet."""

    def __init__(self, work: Work, rules: Rules, before: Scanned | None) -> None:
        self._work, self.found = work, Scanned()
        self._seen = SeenIds(rules.dedupe_window_s, rules.dedupe_memory_bytes)
        self._marks: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        self._known = KnownItems()
        self._versions: dict[str, Versions] = {}
        self._watermark = Watermark(0.0)
        self._positions: dict[tuple[str, int], int] = {}
        self._users: tuple[list[Row], list[str]] = ([], [])
        self._items: tuple[list[Row], list[str]] = ([], [])
        self._place, self._files = 0, 0
        if before is not None:
            self._seen.add(np.unique(np.frombuffer(b"".join(before.marks), "<u8")))
            self._positions = {(topic, n): offset for topic, n, offset in before.positions}
            for bucket in range(work.buckets):
                for item, stored in work.begun("item", bucket).items():
                    self._versions[item] = tuple(map(_bare, stored_entity(stored).versions))

    def take(self, records: list[EventRecord]) -> None:
        """Take some records, the next ones of the log."""
        found = self.found
        for record, is_new in zip(records, self._new(records), strict=True):
            source, event = record.source, record.event
            self._positions[source] = max(record.offset + 1, self._positions.get(source, 0))
            if type(event) in (Interaction, Impression) and not event.is_probe:
                self._watermark.observe(source, event.event_time)
                found.first_s = min(found.first_s, event.event_time)
                found.last_s = max(found.last_s, event.event_time)
            if not is_new:
                found.repeated += 1
                continue
            try:
                self._event(record)
                found.events += 1
            except InvalidEvent:
                found.refused += 1
            self._place += 1
        if len(self._users[0]) + len(self._items[0]) >= _ROWS:
            self._write()

    def finish(self) -> Scanned:
        """Write what is left; the outcome."""
        self._write()
        found, known = self.found, self._known
        found.known, found.hidden = known.items, sorted(known.hidden)
        found.deleted = {item: (v.event_time, v.event_id) for item, v in _deletions(known)}
        found.spans = dict(self._spans())
        old, young = (pack(np.concatenate([_NONE, *part]).tolist()) for part in self._marks)
        found.marks = old, young
        found.positions = [(*source, offset) for source, offset in sorted(self._positions.items())]
        times = self._watermark.max_event_times
        found.reached = [(*source, time) for source, time in sorted(times.items())]
        return found

    def _new(self, records: list[EventRecord]) -> list[bool]:
        """Which records do not come again; windows go by event time."""
        now_s = max([self._watermark.newest(), *(r.event.event_time for r in records)])
        if self._seen.rotate(now_s, len(records)):
            self._marks = (self._marks[1], [])
        fingerprints = np.array([record.fingerprint for record in records], np.uint64)
        is_new = self._seen.add(fingerprints)
        self._marks[1].append(fingerprints[is_new])
        found: list[bool] = is_new.tolist()
        return found

    def _event(self, record: EventRecord) -> None:
        event = record.event
        if type(event) is Interaction:
            self._interaction(record)
        elif type(event) is Impression:
            return  # no feature is by what was shown
        elif hasattr(event, "item_id"):
            self._change_item(record)
            self._put(self._items, whole_row(self._place, record), event.item_id)
        else:
            if type(event) is UserUpsert:
                user_version(event)  # or it is refused
            self._put(self._users, whole_row(self._place, record), event.user_id)

    def _interaction(self, record: EventRecord) -> None:
        event = record.event
        versions = self._versions.get(event.item_id, ())
        lists: Lists = ()
        if USER_LISTS:
            version = newest(versions)
            if version.time > event.event_time:
                version = version_at(versions, event.event_time)
            lists = tuple([version.values.get(name, ()) for name in USER_LISTS])
        self._put(self._users, row_of(self._place, record, lists), event.user_id)
        self.found.interactions += 1
        if not event.is_probe:
            self._known.add(event.item_id)

    def _change_item(self, record: EventRecord) -> None:
        """Follow what is known of an item, as `stream.processing.batch` does."""
        event, known = record.event, self._known
        version = _slim(record)
        versions = with_version(self._versions.get(event.item_id, ()), version)
        last = newest(versions)
        self._versions[event.item_id] = versions[-1:] if last.deleted else versions
        if last.deleted:
            if event.item_id not in known.deleted or last is version:
                known.delete(event.item_id, UpsertVersion(last.time, last.event_id), last.time)
            return
        if event.item_id in known.deleted:
            known.bring_back(event.item_id)
        if type(event) is ItemUpsert and not event.is_probe:
            known.add(event.item_id)
            if last.hidden != (event.item_id in known.hidden):
                known.hide(event.item_id, last.hidden)

    def _spans(self) -> Iterator[tuple[str, tuple[float, float, bool]]]:
        for item_id, versions in self._versions.items() if AVAILABILITY.names else ():
            last = newest(versions)
            span = AVAILABILITY.span(last.values)
            if span != ALWAYS and not last.deleted and item_id in self._known:
                yield item_id, astuple(span.hidden() if last.hidden else span)

    def _put(self, to: tuple[list[Row], list[str]], row: Row, entity_id: str) -> None:
        to[0].append(row)
        to[1].append(entity_id)

    def _write(self) -> None:
        work = self._work
        pairs = ((work.events_of_users, self._users), (work.changes_of_items, self._items))
        for buckets, (rows, ids) in pairs:
            if rows:
                name = f"{self._files:09d}"
                buckets.write(name, table_of(rows), buckets_of(ids, work.buckets))
        self._users, self._items, self._files = ([], []), ([], []), self._files + 1


_NONE = np.zeros(0, np.uint64)


def _slim(record: EventRecord) -> AttributeVersion:
    """The version of an item's attributes with nothing but what other rules ask of it."""
    event = record.event
    if isinstance(event, ItemDeletion):
        return AttributeVersion(event.event_time, {}, True, event.event_id, deleted=True)
    whole = item_version(event)
    return _bare(whole)


def _bare(whole: AttributeVersion) -> AttributeVersion:
    lists: dict[str, Any] = {n: tuple(whole.values[n]) for n in USER_LISTS if n in whole.values}
    times = {n: whole.values[n] for n in AVAILABILITY.names if n in whole.values}
    return msgspec.structs.replace(whole, values=lists | times)


def _deletions(known: KnownItems) -> Iterator[tuple[str, UpsertVersion]]:
    """Deleted items, and when."""
    for item in known.items:
        version = known.deleted.version(item) if item else None
        if version is not None:
            yield item, version
