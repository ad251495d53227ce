"""Processing of a segment of interactions: examples as of just before each, then new features.

Everything is in columns; `events` below is the length of the segment. The order of the steps is
that of their needs: the attributes of each event's item; the users' states before and after each
event; the negatives of a positive, given the items that its user has met; the items' states.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from features import labels
from features.attributes import newest
from features.availability import AVAILABILITY, Span
from features.context import arrow_columns, texts_of
from features.entity_rule import ITEM_RULE, USER_RULE, EntityRule
from features.interner import ITEMS, NOTHING
from features.labels import WEIGHTS, label_of
from features.update import EventColumns, Update, kind_numbers, list_numbers, value_numbers, voter
from millstream.events import Interaction
from stream.outputs.feature_rows import FeatureRowsBuilder, SourceOffsets
from stream.outputs.organic_examples import AttributeVersions, EntityColumns, OrganicExamples
from stream.processing.advance import advance
from stream.processing.columns import UNKNOWN, AsOfLookups, Transitions
from stream.processing.overflow import overflow
from stream.processing.prefetch import Prefetch
from stream.processing.segment import AsOfRows, IdIndexer, SampledNegatives, Segment, SegmentResult
from stream.state.known_items import NegativesRequest, draws, negatives
from stream.state.memory import Memory, Rules
from stream.state.open_windows import Attribution
from stream.state.proposals import Proposals, Turns

NO_DRAW = -1
# Beyond every partition: draws of the mixture are others than those of the uniform part.
APART = 1 << 14


def process_segment(
    segment: Segment, needs: Prefetch, memory: Memory, rules: Rules, rows: FeatureRowsBuilder
) -> SegmentResult:
    """Process a segment; memory changes in place."""
    return _SegmentProcessor(segment, needs, memory, rules).result(rows)


class _SegmentProcessor:
    """One call of `process_segment`."""

    def __init__(self, segment: Segment, needs: Prefetch, memory: Memory, rules: Rules) -> None:
        self._segment, self._needs, self._memory, self._rules = segment, needs, memory, rules
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

    def result(self, rows: FeatureRowsBuilder) -> SegmentResult:
        """Run all steps."""
        memory, event_items = self._memory, len(self._item_rows.ids)
        users = [memory.users[user] for user in self._user_rows.ids]
        columns = self._event_columns()
        outcomes, organic_events = self._outcomes()
        user_transitions, columns = self._advance_users(users, columns, organic_events)
        drawn = self._negatives(organic_events, user_transitions)
        drawn_rows = self._item_rows.numbers(ITEMS.texts(drawn.numbers.tolist()))
        items = [memory.items[item] for item in self._item_rows.ids]
        item_transitions = self._advance(
            ITEM_RULE,
            items,
            self._item_rows.of_events,
            columns,
            np.concatenate([organic_events, organic_events[drawn.of]]),
            drawn_rows,
        )
        as_of = AsOfRows(
            user_transitions.as_of, *np.split(item_transitions.as_of, [len(organic_events)])
        )
        for event in organic_events[~as_of.is_known].tolist():
            outcomes[event] = "late"
        tables = AttributeVersions(users), AttributeVersions(items)
        transitions = user_transitions, item_transitions
        examples = self._examples(organic_events, drawn, drawn_rows, as_of, tables, transitions)
        self._add_rows(rows, user_transitions, item_transitions)
        self._add_known()
        return SegmentResult(
            outcomes,
            examples,
            dict(zip(self._user_rows.ids, users, strict=True)),
            dict(zip(self._item_rows.ids[:event_items], items[:event_items], strict=True)),
            self._overflow(user_transitions),
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
        self, users: Sequence[Any], columns: EventColumns, organic_events: np.ndarray
    ) -> tuple[Transitions, EventColumns]:
        """Advance the users; the columns for the items then have the users' lists.

        A list is that of right before the event's own time; of what is too late it is empty.
        """
        names, of_events = ITEM_RULE.needs.lists, self._user_rows.of_events
        if not names:
            return self._advance(USER_RULE, users, of_events, columns, organic_events), columns
        every = np.arange(len(self._events))
        moved = self._advance(USER_RULE, users, of_events, columns, every)
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
                outcomes.append("organic")
                organic_events.append(event)
            else:
                outcomes.append("unlabelled")
        return outcomes, np.array(organic_events, np.int64)

    def _advance(
        self,
        rule: EntityRule,
        entities: Sequence[Any],
        entity_of: np.ndarray,
        columns: EventColumns,
        lookup_events: np.ndarray,
        others: np.ndarray | None = None,
    ) -> Transitions:
        """Advance entities, and look them up before events: their own, then `others`."""
        own = lookup_events if others is None else lookup_events[: len(lookup_events) - len(others)]
        lookup_entities = entity_of[own] if others is None else np.append(entity_of[own], others)
        lookups = AsOfLookups(lookup_entities, lookup_events, self._times[lookup_events])
        histories = [entity.history for entity in entities]
        # While partitions are out of step, what the slower ones bring is not late; the batch that
        # brings it has put them back in step by now.
        apart_s = max(self._segment.out_of_step_s, self._memory.watermark.out_of_step_s())
        horizon_s = self._rules.allowed_lateness_s + apart_s
        return advance(rule, histories, entity_of, columns, lookups, horizon_s)

    def _negatives(self, organic_events: np.ndarray, users: Transitions) -> SampledNegatives:
        """Items drawn for the positives that want some."""
        drawn_at, at = self._needs.positives, self._segment.places
        row_of = [drawn_at.get(at[event], NO_DRAW) for event in organic_events.tolist()]
        rows = np.array(row_of, np.int64)
        positives = np.flatnonzero((rows != NO_DRAW) & (users.as_of != UNKNOWN))
        known_items, events, needs = (
            self._memory.known_items,
            organic_events[positives],
            self._needs,
        )
        known_since = np.array(sorted(self._new_items.values()), np.int64)
        places = needs.drawn[rows[positives]]
        request = NegativesRequest(
            known_items.numbers_at(places, needs.known, needs.added),
            self._item_numbers[self._item_rows.of_events[events]],
            USER_RULE.recent_of(users.states)[users.as_of[positives]],
            np.searchsorted(known_since, events),
            {ITEMS.number(item): n for n, item in enumerate(self._new_items)},
        )
        proposals = self._proposals(events, request, users)
        drawn = negatives(known_items, request, self._rules.sampled_negatives, proposals)
        own = np.ones(len(organic_events))
        own[positives] = drawn.own
        chosen = drawn.chosen
        return SampledNegatives(
            positives[np.nonzero(chosen)[0]],
            drawn.items[chosen],
            drawn.probabilities[chosen],
            drawn.oversampling[chosen],
            own,
        )

    def _proposals(
        self, events: np.ndarray, request: NegativesRequest, users: Transitions
    ) -> Proposals | None:
        """The mixture that negatives of `events` are drawn from, None where they are uniform.

        The segment's positives become recent ones.
        """
        shares, recent = self._rules.negative_shares, self._memory.recent_positives
        if set(shares) <= {"uniform"}:
            return None
        met = USER_RULE.recent_of(users.states)
        new = np.flatnonzero((self._labels == 1.0) & ~self._is_probe)
        before = met[users.before[new], 0]
        items = self._item_numbers[self._item_rows.of_events[new]]
        offsets = self._source_offsets
        turns = Turns(
            np.searchsorted(new, events),
            request.recent[:, 0],
            draws(
                offsets.partitions[events] + APART, offsets.offsets[events], request.drawn.shape[1]
            ),
        )
        found = Proposals(recent, before, items, shares, turns)
        recent.add(before, items)
        return found

    @cached_property
    def _new_items(self) -> dict[str, int]:
        """Items that become known in the segment, and the events that make them so, in order."""
        known_items = self._memory.known_items
        unknown = {item for item in self._event_items() if item not in known_items}
        if AVAILABILITY.names:  # no event makes an item known again whose time is over
            unknown = {i for i in unknown if not self._span(i).is_over(self._newest_s)}
        if not unknown:
            return {}
        found: dict[str, int] = {}
        for n, event in enumerate(self._events):
            if not event.is_probe and event.item_id in unknown:
                found.setdefault(event.item_id, n)
        return found

    @cached_property
    def _newest_s(self) -> float:
        """The clock of the events: what it decides is decided again when they are read again."""
        return self._memory.watermark.newest()

    def _span(self, item_id: str) -> Span:
        """When an item is available."""
        return AVAILABILITY.span(newest(self._memory.items[item_id].versions).values)

    def _event_items(self) -> list[str]:
        return self._item_rows.ids[: len(self._item_numbers)]

    def _examples(
        self,
        organic_events: np.ndarray,
        drawn: SampledNegatives,
        drawn_rows: np.ndarray,
        as_of: AsOfRows,
        tables: tuple[AttributeVersions, AttributeVersions],
        transitions: tuple[Transitions, Transitions],
    ) -> tuple[pa.Table, np.ndarray] | None:
        """The examples of those whose user and item are still known as they were."""
        kept = np.flatnonzero(as_of.is_known)
        if not len(kept):
            return None
        events = organic_events[kept]
        is_kept = as_of.is_known[drawn.of] & (as_of.negatives != UNKNOWN)
        negatives_of = np.searchsorted(kept, drawn.of[is_kept])
        counts = np.bincount(negatives_of, minlength=len(kept))
        # Each event's own item, then its negatives, which are in the order of their events.
        order = np.argsort(np.append(np.arange(len(kept)), negatives_of), kind="stable")
        own_rows = self._item_rows.of_events[events]
        item_rows = np.append(own_rows, drawn_rows[is_kept])[order]
        item_as_of = np.append(as_of.items[kept], as_of.negatives[is_kept])[order]
        times, users = self._times[events], self._user_rows.of_events[events]
        row_times = np.repeat(times, counts + 1)
        (user_table, item_table), (user_transitions, item_transitions) = tables, transitions
        built = OrganicExamples(
            [self._events[event].event_id for event in events.tolist()],
            self._source_offsets.partitions[events],
            self._source_offsets.offsets[events],
            times,
            self._task_labels[events],
            np.array([task.is_binary for task in labels.TASKS]),
            np.array([WEIGHTS[self._events[event].kind] for event in events.tolist()]),
            self._is_probe[events],
            EntityColumns(
                self._user_rows.ids,
                users,
                user_transitions.states.take(as_of.users[kept]),
                user_table.at(users, times),
                user_table,
            ),
            EntityColumns(
                self._item_rows.ids,
                item_rows,
                item_transitions.states.take(item_as_of),
                item_table.at(item_rows, row_times),
                item_table,
            ),
            counts,
            np.append(np.ones(len(kept)), drawn.probabilities[is_kept])[order],
            np.append(drawn.own[kept], drawn.oversampling[is_kept])[order],
            arrow_columns(texts_of(self._events[event].context) for event in events.tolist()),
        )
        rows, event_of = built.unpublished()
        return rows, np.array(self._segment.places)[events][event_of]

    def _add_rows(self, rows: FeatureRowsBuilder, users: Transitions, items: Transitions) -> None:
        """The newest features after each event."""
        user_ids, item_ids = self._user_rows.ids, self._event_items()
        user_of, item_of = self._user_rows.of_events, self._item_rows.of_events
        rows.add_users(user_ids, user_of, users.states.take(users.after), self._source_offsets)
        rows.add_items(item_ids, item_of, items.states.take(items.after), self._source_offsets)

    def _add_known(self) -> None:
        for item in self._new_items:
            self._memory.known_items.add(item)
            if AVAILABILITY.names:
                self._memory.known_items.schedule.put(item, self._span(item), self._newest_s)

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
