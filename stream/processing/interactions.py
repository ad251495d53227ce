"""A run of interactions, worked on together: examples as of just before each, then new features.

Everything is in columns; `events` below is the length of the run. The order of the steps is that of
what they need of one another: who has which attributes; what the users are before and after each
event; which negatives a positive gets, given what its user has met; what the items are.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from features.history import Update
from features.labels import label_of
from features.names import CATEGORIES, ITEMS
from features.spec import RECENT_ITEMS
from features.state import voter
from millstream.events import Interaction
from stream.outputs.feature_rows import Causes, RowGatherer
from stream.outputs.organic_examples import Organic, Sides, VersionTable
from stream.processing.advance import moved
from stream.processing.columns import (
    ITEM_KIND,
    UNKNOWN,
    USER_KIND,
    Happenings,
    Kind,
    Looks,
    Moves,
    P,
)
from stream.processing.prefetch import Plan
from stream.processing.segment import Drawn, Numbered, Run, Seen, Worked
from stream.state.impression_join import Standing
from stream.state.known_items import Wanted, negatives
from stream.state.memory import Memory, Rules

NO_DRAW = -1


def work(run: Run, planned: Plan, memory: Memory, rules: Rules, rows: RowGatherer) -> Worked:
    """Work on a run; memory changes in place."""
    return _Work(run, planned, memory, rules).worked(rows)


class _Work:
    """One call of `work`."""

    def __init__(self, run: Run, planned: Plan, memory: Memory, rules: Rules) -> None:
        self._run, self._planned, self._memory, self._rules = run, planned, memory, rules
        events: list[Interaction] = [entry.event for entry in run.entries]
        self._events = events
        self._times = np.array([event.event_time for event in events])
        # None becomes a nan.
        labels = [label_of(event.kind, event.value) for event in events]
        self._labels = np.array(labels, np.float64)
        self._is_probe = np.array([event.is_probe for event in events])
        self._user_rows = Numbered([event.user_id for event in events])
        self._item_rows = Numbered([event.item_id for event in events])
        self._item_numbers = np.array(ITEMS.numbers(self._item_rows.ids), np.int32)
        self._causes = Causes(
            np.array([entry.source.partition for entry in run.entries], np.int32),
            np.array([entry.offset for entry in run.entries], np.int64),
        )

    def worked(self, rows: RowGatherer) -> Worked:
        """All steps."""
        memory, event_items = self._memory, len(self._item_rows.ids)
        users = [memory.users[user] for user in self._user_rows.ids]
        happenings = self._happenings()
        outcomes, wanting = self._wanting()
        user_moves = self._moved(USER_KIND, users, self._user_rows.of_events, happenings, wanting)
        drawn = self._negatives(wanting, user_moves)
        drawn_rows = self._item_rows.numbers(ITEMS.texts(drawn.numbers.tolist()))
        items = [memory.items[item] for item in self._item_rows.ids]
        item_moves = self._moved(
            ITEM_KIND,
            items,
            self._item_rows.of_events,
            happenings,
            np.concatenate([wanting, wanting[drawn.of]]),
            drawn_rows,
        )
        seen = Seen(user_moves.seen, *np.split(item_moves.seen, [len(wanting)]))
        for event in wanting[~seen.is_known].tolist():
            outcomes[event] = "late"
        tables = VersionTable(users), VersionTable(items)
        moves = user_moves, item_moves
        examples = self._examples(wanting, drawn, drawn_rows, seen, tables, moves)
        self._add_rows(rows, user_moves, item_moves)
        self._add_known()
        return Worked(
            outcomes,
            examples,
            dict(zip(self._user_rows.ids, users, strict=True)),
            dict(zip(self._item_rows.ids[:event_items], items[:event_items], strict=True)),
            self._entered(user_moves),
        )

    def _happenings(self) -> Happenings:
        """What the events do; an item's categories are those of the event's time."""
        table = VersionTable([self._memory.items[item] for item in self._item_rows.ids])
        numbers = table.at(self._item_rows.of_events, self._times)
        names = [tuple(v.values.get("item_categories", ())) for v in table.versions]
        most = max(map(len, names), default=0)
        padded = [(*CATEGORIES.numbers(each), *(0,) * (most - len(each))) for each in names]
        positive, users = self._labels == 1.0, self._user_rows
        voters = np.array([voter(user) for user in users.ids], np.uint32)[users.of_events]
        columns = positive.tolist(), numbers.tolist(), voters.tolist()
        updates = [
            Update(e.event.event_time, e.mark, is_positive, e.event.item_id, names[n], by)
            for e, is_positive, n, by in zip(self._run.entries, *columns, strict=True)
        ]
        return Happenings(
            updates,
            self._times,
            positive,
            self._item_numbers[self._item_rows.of_events],
            np.array(padded, np.int32).reshape(len(padded), most)[numbers],
            voters,
        )

    def _wanting(self) -> tuple[list[str], np.ndarray]:
        """What becomes of each event, and those that make examples of their own."""
        is_labelled = ~np.isnan(self._labels)
        outcomes, wanting = [], []
        pairs = zip(self._run.answers, is_labelled.tolist(), strict=True)
        for event, (answer, has_label) in enumerate(pairs):
            if answer is not Standing.ALONE:
                outcomes.append("settled" if answer is Standing.SETTLED else "joined")
            elif has_label:
                outcomes.append("organic")
                wanting.append(event)
            else:
                outcomes.append("unlabelled")
        return outcomes, np.array(wanting, np.int64)

    def _moved(
        self,
        kind: Kind[P],
        entities: Sequence[Any],
        entity_of: np.ndarray,
        happenings: Happenings,
        looking: np.ndarray,
        others: np.ndarray | None = None,
    ) -> Moves:
        """Move entities, and look at them before events: their own, then `others`."""
        own = looking if others is None else looking[: len(looking) - len(others)]
        looked_at = entity_of[own] if others is None else np.append(entity_of[own], others)
        looks = Looks(looked_at, looking, self._times[looking])
        histories = [entity.history for entity in entities]
        # While partitions are out of step, what the slower ones bring is not late.
        horizon_s = self._rules.allowed_lateness_s + self._memory.watermark.out_of_step_s()
        return moved(kind, histories, entity_of, happenings, looks, horizon_s)

    def _negatives(self, wanting: np.ndarray, users: Moves) -> Drawn:
        """Items drawn for the positives that want some."""
        drawn_at, at = self._planned.positives, self._run.places
        row_of = [drawn_at.get(at[event], NO_DRAW) for event in wanting.tolist()]
        rows = np.array(row_of, np.int64)
        positives = np.flatnonzero((rows != NO_DRAW) & (users.seen != UNKNOWN))
        catalogue, events, planned = self._memory.catalogue, wanting[positives], self._planned
        known_since = np.array(sorted(self._new_items.values()), np.int64)
        places = planned.drawn[rows[positives]]
        drawn = catalogue.numbers_at(places, planned.known, planned.added)
        chosen, chances = negatives(
            catalogue,
            Wanted(
                drawn,
                self._item_numbers[self._item_rows.of_events[events]],
                users.points.values["recent"][users.seen[positives]],
                np.searchsorted(known_since, events),
                {ITEMS.number(item): n for n, item in enumerate(self._new_items)},
            ),
            self._rules.sampled_negatives,
        )
        probabilities = np.ones(len(wanting))
        probabilities[positives] = chances
        return Drawn(positives[np.nonzero(chosen)[0]], drawn[chosen], probabilities)

    @cached_property
    def _new_items(self) -> dict[str, int]:
        """Items that become known in the run, and the events of which they do, in that order."""
        catalogue = self._memory.catalogue
        unknown = [item for item in self._event_items() if item not in catalogue]
        if not unknown:
            return {}
        found: dict[str, int] = {}
        for n, event in enumerate(self._events):
            if not event.is_probe and event.item_id not in catalogue:
                found.setdefault(event.item_id, n)
        return found

    def _event_items(self) -> list[str]:
        return self._item_rows.ids[: len(self._item_numbers)]

    def _examples(
        self,
        wanting: np.ndarray,
        drawn: Drawn,
        drawn_rows: np.ndarray,
        seen: Seen,
        tables: tuple[VersionTable, VersionTable],
        moves: tuple[Moves, Moves],
    ) -> tuple[pa.Table, np.ndarray] | None:
        """The examples of those whose user and item are still known as they were."""
        kept = np.flatnonzero(seen.is_known)
        if not len(kept):
            return None
        events = wanting[kept]
        is_kept = seen.is_known[drawn.of] & (seen.negatives != UNKNOWN)
        negatives_of = np.searchsorted(kept, drawn.of[is_kept])
        counts = np.bincount(negatives_of, minlength=len(kept))
        # Each event's own item, then its negatives, which are in the order of their events.
        order = np.argsort(np.append(np.arange(len(kept)), negatives_of), kind="stable")
        own_rows = self._item_rows.of_events[events]
        item_rows = np.append(own_rows, drawn_rows[is_kept])[order]
        item_seen = np.append(seen.items[kept], seen.negatives[is_kept])[order]
        times, users = self._times[events], self._user_rows.of_events[events]
        row_times = np.repeat(times, counts + 1)
        (user_table, item_table), (user_moves, item_moves) = tables, moves
        organic = Organic(
            [self._events[event].event_id for event in events.tolist()],
            self._causes.partitions[events],
            self._causes.offsets[events],
            times,
            self._labels[events],
            self._is_probe[events],
            Sides(
                self._user_rows.ids,
                users,
                user_moves.points.take(seen.users[kept]),
                user_table.at(users, times),
                user_table,
            ),
            Sides(
                self._item_rows.ids,
                item_rows,
                item_moves.points.take(item_seen),
                item_table.at(item_rows, row_times),
                item_table,
            ),
            counts,
            drawn.probabilities[kept],
        )
        places = np.array(self._run.places)[events]
        return organic.unpublished(), places[organic.event_of]

    def _add_rows(self, rows: RowGatherer, users: Moves, items: Moves) -> None:
        """The newest features after each event."""
        user_ids, item_ids = self._user_rows.ids, self._event_items()
        user_of, item_of = self._user_rows.of_events, self._item_rows.of_events
        rows.add_users(user_ids, user_of, users.points.take(users.after), self._causes)
        rows.add_items(item_ids, item_of, items.points.take(items.after), self._causes)

    def _add_known(self) -> None:
        for item in self._new_items:
            self._memory.catalogue.add(item)

    def _entered(self, moves: Moves) -> list[tuple[str, str]]:
        """What is no longer among a user's recent items, or never was, in the order of events."""
        recent = moves.points.values["recent"]
        before, after = recent[moves.before], recent[moves.after]
        own = self._item_numbers[self._item_rows.of_events]
        is_left_out = ~(after == own[:, None]).any(1)
        entered = [(n, -1, int(own[n])) for n in np.flatnonzero(is_left_out).tolist()]
        full = np.flatnonzero(before[:, RECENT_ITEMS - 1])  # the others had room
        fell = ~(before[full][:, :, None] == after[full][:, None, :]).any(2)
        for n, place in zip(*(each.tolist() for each in np.nonzero(fell)), strict=True):
            event = int(full[n])
            entered.append((event, place, int(before[event, place])))
        return [
            (self._events[event].user_id, ITEMS.texts([item])[0])
            for event, _, item in sorted(entered)
        ]
