"""One bucket of users: their states after all events, and what each event does to its item."""

from collections import deque
from typing import Any

import numpy as np
import pyarrow as pa

from features import bloom
from features.attributes import newest, user_version, with_version
from features.entity_rule import ITEM_RULE, USER_RULE
from features.interner import ITEMS, NOTHING, interner_of
from features.spec import USER_ATTRIBUTES
from features.update import EventColumns
from stream.history.buckets import buckets_of
from stream.history.last_rows import has_events, last_rows
from stream.history.rows import (
    FOR_ITEMS,
    ITEM_LISTS,
    USER_LISTS,
    event_columns,
    offsets_of,
    record_of,
)
from stream.history.runs import Run, runs
from stream.history.work import Work
from stream.ingest.records import EventRecord, UserDeletion
from stream.outputs.effects import FeatureRows, SeenEntries
from stream.outputs.feature_rows import FeatureRowsBuilder
from stream.processing.advance import advance
from stream.processing.columns import UNKNOWN, AsOfLookups, Transitions
from stream.processing.overflow import enter, overflow
from stream.processing.segment import IdIndexer
from stream.state.entities import User, users_bytes, users_from
from stream.state.recent_positives import KEPT

Positive = tuple[int, str, str]


def user_stage(work: Work, bucket: int) -> int:
    """Work on one bucket of users; how many events it had."""
    files, stage = work.files("user", bucket), _UserStage(work, bucket)
    count = 0
    for number, run in enumerate(runs(work.events_of_users.read(bucket), work.rows_at_once)):
        touched = stage.run(run)
        if len(touched):
            name = f"{bucket:06d}/{number:09d}"
            to = buckets_of(touched["item"].to_pylist(), work.buckets)
            work.events_of_items.write(name, touched, to)
        files.append(stage.take_rows())
        count += len(touched)
    files.finish(*stage.outcome())
    return count


class _UserStage:
    """Users of the bucket as they are so far."""

    def __init__(self, work: Work, bucket: int) -> None:
        self._work, self._rows = work, FeatureRowsBuilder(work.created_at)
        stored = work.begun("user", bucket)
        users = users_from(list(stored.values()))
        self._users: dict[str, User] = dict(zip(stored, users, strict=True))
        self._filters: dict[str, list[SeenEntries]] = {}
        self._positives: deque[Positive] = deque(maxlen=KEPT)
        self._erased: dict[str, tuple[str, int, int]] = {}

    def run(self, run: Run) -> pa.Table:
        """Work on some events; those that go on to their items."""
        for row in run.changes:
            self._change(record_of(row))
        if not len(run.interactions):
            return FOR_ITEMS.empty_table()
        return self._interactions(run.interactions)

    def take_rows(self) -> list[FeatureRows]:
        """Feature rows since this was last asked."""
        rows, self._rows = self._rows, FeatureRowsBuilder(self._work.created_at)
        return rows.rows()

    def outcome(self) -> tuple[dict[str, bytes], list[FeatureRows], dict[str, Any]]:
        """States for the store, last rows, and the rest."""
        kept = {n: user for n, user in self._users.items() if has_events(user) or user.versions}
        stored = dict(zip(kept, users_bytes(list(kept.values())), strict=True))
        rest = {
            "filters": {user: list(map(_plain, slots)) for user, slots in self._filters.items()},
            "positives": list(self._positives),
            "erased": self._erased,
        }
        return stored, last_rows("user", kept, self._work.created_at), rest

    def _change(self, record: EventRecord) -> None:
        user_id = record.event.user_id
        if isinstance(record.event, UserDeletion):
            self._users[user_id] = User()
            self._filters.pop(user_id, None)
            self._erased[user_id] = (*record.source, record.offset)
            self._rows.forget("user", user_id, record.event.event_time, record)
            return
        user = self._users.setdefault(user_id, User())
        user.versions = with_version(user.versions, user_version(record.event))
        self._rows.attributes(USER_ATTRIBUTES).add(user_id, newest(user.versions), record)

    def _interactions(self, rows: pa.Table) -> pa.Table:
        columns, ids = event_columns(rows, USER_LISTS), IdIndexer(rows["user"].to_pylist())
        histories = [self._users.setdefault(user, User()).history for user in ids.ids]
        # The item is told what its user had met before.
        asked = np.arange(len(rows) if ITEM_LISTS else 0)
        lookups = AsOfLookups(ids.of_events[asked], asked, columns.times[asked])
        moved = advance(USER_RULE, histories, ids.of_events, columns, lookups, self._work.horizon_s)
        newest_states = moved.states.take(moved.after)
        self._rows.add_users(ids.ids, ids.of_events, newest_states, offsets_of(rows))
        self._remember(rows, columns, moved)
        plain = rows.select([n for n in FOR_ITEMS.names if n not in ITEM_LISTS])
        for name in ITEM_LISTS:
            plain = plain.append_column(FOR_ITEMS.field(name), _lists(name, moved))
        return plain

    def _remember(self, rows: pa.Table, columns: EventColumns, moved: Transitions) -> None:
        """What negatives may be drawn from, and what goes into the filters of what was seen."""
        recent, users = USER_RULE.recent_of(moved.states), rows["user"].to_pylist()
        before, after = recent[moved.before], recent[moved.after]
        is_probe = rows["is_probe"].to_numpy(zero_copy_only=False)
        newest_ones = np.flatnonzero(columns.positive & ~is_probe)[-KEPT:]
        for event in newest_ones.tolist():
            met = ITEMS.texts(before[event, :1].tolist())
            place, item = rows["place"][event].as_py(), columns.updates[event].item_id
            self._positives.append((place, met[0] if met else "", item))
        kinds = rows["kind"].to_pylist()
        for user_id, entry in overflow(users, kinds, columns.times, columns.items, before, after):
            user, slots = self._users[user_id], self._filters.setdefault(user_id, [])
            enter(slots, user.entries, entry)
            user.entries += 1
            del slots[: -bloom.SLOTS]  # an earlier one of the same slot was cleared


def _lists(name: str, moved: Transitions) -> pa.Array:
    """Lists of the users before their events; of what is too late they are empty."""
    numbers = moved.states.values[name][moved.as_of, : ITEM_RULE.needs.lists[name]]
    known = np.where((moved.as_of != UNKNOWN)[:, None], numbers, NOTHING)
    texts = interner_of(name).texts
    return pa.array([texts(row) for row in known.tolist()], pa.list_(pa.string()))


def _plain(part: SeenEntries) -> tuple[int, bool, list[str | int]]:
    return part.slot, part.clear, part.entries
