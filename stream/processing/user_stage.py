"""The users' side of a segment: their new features, and the touches that they leave for items.

Everything is in columns; `events` below is the length of the segment. The order of the steps is
that of their needs: the attributes of each event's item, then the users' states before and after
each event.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from features import labels
from features.context import arrow_columns, texts_of
from features.entity_rule import ITEM_RULE, USER_RULE
from features.interner import ITEMS, NOTHING
from features.labels import label_of, wants_negatives, weight_of
from features.update import EventColumns, Update, kind_numbers, list_numbers, value_numbers, voter
from millstream.events import Interaction
from stream.outputs.examples import ImpressionExamples
from stream.outputs.feature_rows import FeatureRowsBuilder, SourceOffsets
from stream.outputs.organic_examples import AttributeVersions, EntityColumns, OrganicEvents
from stream.processing.advance import advance
from stream.processing.columns import UNKNOWN, AsOfLookups, Transitions
from stream.processing.overflow import overflow
from stream.processing.segment import IdIndexer, Segment
from stream.processing.touches import Asks, Touches
from stream.state.entities import User
from stream.state.memory import Memory
from stream.state.open_windows import Attribution


@dataclass(frozen=True)
class UserSide:
    """Result of the users' side, beside their feature rows.

    Args:
        outcomes: by event; "" where the items' side tells it, which makes the example.
        users: those that changed, by id.
        touches: for the items.
        overflow: (user, entry): entries of the users' seen filters, in their order.
    """

    outcomes: list[str]
    users: dict[str, User]
    touches: Touches
    overflow: list[tuple[str, str | int]]


class UserStage:
    """The users' side of one segment; memory changes in place, but for its items.

    Args:
        horizon_s: see `features.history.add`.
    """

    def __init__(self, segment: Segment, memory: Memory, horizon_s: float) -> None:
        self._segment, self._memory, self._horizon_s = segment, memory, horizon_s
        events: list[Interaction] = [entry.event for entry in segment.entries]
        self._events = events
        self._times = np.array([event.event_time for event in events])
        # None becomes a nan.
        self._labels = np.array([label_of(e.kind, e.value) for e in events], np.float64)
        self._task_labels = self._labels[:, None]
        if labels.ARE_DECLARED:
            by_event = [labels.task_labels(event.kind, event.value) for event in events]
            self._task_labels = np.array(by_event, np.float64)
        self._is_probe = np.array([event.is_probe for event in events])
        self._user_rows = IdIndexer([event.user_id for event in events])
        self._item_rows = IdIndexer([event.item_id for event in events])
        self._item_numbers = np.array(ITEMS.numbers(self._item_rows.ids), np.int32)
        self._source_offsets = SourceOffsets(
            np.array([entry.source.partition for entry in segment.entries], np.int32),
            np.array([entry.offset for entry in segment.entries], np.int64),
        )

    def result(self, rows: FeatureRowsBuilder) -> UserSide:
        """Run all steps; `rows` gets the users' new features."""
        users = [self._memory.users[user] for user in self._user_rows.ids]
        columns = self._event_columns()
        outcomes, organic_events = self._outcomes()
        moved, columns = self._advance_users(users, columns, organic_events)
        is_known = moved.as_of != UNKNOWN
        for event in organic_events[~is_known].tolist():
            outcomes[event] = "late"
        asks = self._asks(organic_events[is_known], moved, moved.as_of[is_known], users)
        recent = USER_RULE.recent_of(moved.states)
        met = recent[moved.before, 0] if recent.shape[1] else np.full(len(self._events), NOTHING)
        user_ids, user_of = self._user_rows.ids, self._user_rows.of_events
        rows.add_users(user_ids, user_of, moved.states.take(moved.after), self._source_offsets)
        return UserSide(
            outcomes,
            dict(zip(user_ids, users, strict=True)),
            Touches(columns, self._is_probe, met, self._source_offsets, asks, self._joined()),
            self._overflow(moved),
        )

    def _event_columns(self) -> EventColumns:
        """Columns of the segment, with the lists of each event's item as of the event's time."""
        needs, positive = USER_RULE.needs | ITEM_RULE.needs, self._labels == 1.0
        of_versions, version_of = self._item_lists()
        users = self._user_rows
        voters = np.array([voter(user) for user in users.ids], np.uint32)[users.of_events]
        own = positive.tolist(), version_of.tolist(), voters.tolist()
        updates = [
            Update(e.event.event_time, e.fingerprint, good, e.event.item_id, of_versions[n], by)
            for e, good, n, by in zip(self._segment.entries, *own, strict=True)
        ]
        if needs.kinds or needs.values:
            updates = [
                msgspec.structs.replace(update, kind=event.kind, value=event.value)
                for update, event in zip(updates, self._events, strict=True)
            ]
        return EventColumns(
            updates,
            self._times,
            positive,
            self._item_numbers[self._item_rows.of_events],
            voters,
            {
                name: list_numbers(name, [lists[place] for lists in of_versions])[version_of]
                for place, name in enumerate(USER_RULE.needs.lists)
            },
            kind_numbers([event.kind for event in self._events], needs),
            value_numbers([event.value for event in self._events], needs),
        )

    def _item_lists(self) -> tuple[list[tuple[tuple[str, ...], ...]], np.ndarray]:
        """Lists of the items' distinct attribute versions, and the version of each event."""
        names = USER_RULE.needs.lists
        table = AttributeVersions([self._memory.items[item] for item in self._item_rows.ids])
        numbers = table.at(self._item_rows.of_events, self._times)
        return [
            tuple(tuple(version.values.get(name, ())) for name in names)
            for version in table.versions
        ], numbers

    def _advance_users(
        self, users: Sequence[User], columns: EventColumns, organic_events: np.ndarray
    ) -> tuple[Transitions, EventColumns]:
        """Advance the users; the columns for the items then have the users' lists.

        A list is that of right before the event's own time; of what is too late it is empty.
        """
        names = ITEM_RULE.needs.lists
        if not names:
            return self._advance(users, columns, organic_events), columns
        moved = self._advance(users, columns, np.arange(len(self._events)))
        is_known = (moved.as_of != UNKNOWN)[:, None]
        lists = {
            name: np.where(is_known, moved.states.values[name][moved.as_of, :depth], NOTHING)
            for name, depth in names.items()
        }
        return replace(moved, as_of=moved.as_of[organic_events]), columns.with_lists(lists)

    def _outcomes(self) -> tuple[list[str], np.ndarray]:
        """Outcome per event, and the indices that yield organic examples."""
        is_labelled = ~np.asarray(np.isnan(self._task_labels).all(1))
        outcomes, organic_events = [], []
        pairs = zip(self._segment.attributions, is_labelled.tolist(), strict=True)
        for event, (attribution, has_label) in enumerate(pairs):
            if attribution is not Attribution.UNATTRIBUTED:
                outcomes.append(
                    "settled" if attribution is Attribution.ALREADY_LABELLED else "joined"
                )
            elif has_label:
                outcomes.append("")
                organic_events.append(event)
            else:
                outcomes.append("unlabelled")
        return outcomes, np.array(organic_events, np.int64)

    def _advance(
        self, users: Sequence[User], columns: EventColumns, lookup_events: np.ndarray
    ) -> Transitions:
        """Advance users, and look them up before events of their own."""
        of_events = self._user_rows.of_events
        lookups = AsOfLookups(of_events[lookup_events], lookup_events, self._times[lookup_events])
        histories = [user.history for user in users]
        return advance(USER_RULE, histories, of_events, columns, lookups, self._horizon_s)

    def _asks(
        self, events: np.ndarray, moved: Transitions, as_of: np.ndarray, users: Sequence[User]
    ) -> Asks:
        """The examples that `events` ask for; `as_of` are their users' states."""
        of_users, times = self._user_rows.of_events[events], self._times[events]
        table, states = AttributeVersions(users), moved.states.take(as_of)
        own = [self._events[event] for event in events.tolist()]
        organic = OrganicEvents(
            [event.event_id for event in own],
            self._source_offsets.partitions[events],
            self._source_offsets.offsets[events],
            times,
            self._is_probe[events],
            EntityColumns(self._user_rows.ids, of_users, states, table.at(of_users, times), table),
            arrow_columns(texts_of(event.context) for event in own),
        )
        return Asks(
            events,
            organic.columns(),
            self._task_labels[events],
            np.array([weight_of(event.kind, event.value) for event in own]),
            USER_RULE.recent_of(states),
            np.array([_wants_negatives(event) for event in own], np.bool_),
        )

    def _joined(self) -> ImpressionExamples:
        """Examples of lists that events settled."""
        found = ImpressionExamples()
        pairs = zip(self._segment.entries, self._segment.attributions, strict=True)
        for place, (entry, attribution) in enumerate(pairs):
            if not isinstance(attribution, Attribution):
                cause = entry.source, entry.offset, entry.event.event_id
                for row, labelled in enumerate(attribution):
                    found.add(*cause, row, labelled, place)
        return found

    def _overflow(self, transitions: Transitions) -> list[tuple[str, str | int]]:
        """(user, entry) for the users' seen filters, in event order."""
        recent = USER_RULE.recent_of(transitions.states)
        return overflow(
            [event.user_id for event in self._events],
            [event.kind for event in self._events],
            self._times,
            self._item_numbers[self._item_rows.of_events],
            recent[transitions.before],
            recent[transitions.after],
        )


def _wants_negatives(event: Interaction) -> bool:
    return not event.is_probe and wants_negatives(event.kind, event.value)
