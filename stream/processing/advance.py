"""State transitions: advance the histories of a segment's users, or of its items.

An entity whose events come in the order of their times, and of which nobody asks for an earlier
time than its newest, is moved with all others in rounds (`features/rounds.py`). Any other goes
through its history event by event, which finds the place of what is late; to the last bit the
outcome is the same.
"""

from collections.abc import Sequence
from typing import Generic

import numpy as np

from features.history import History, add, trim
from features.rounds import Rounds
from features.state import States, states_of
from stream.processing.columns import (
    UNKNOWN,
    AsOfLookups,
    EntityKind,
    InteractionColumns,
    P,
    Transitions,
)


def advance(
    kind: EntityKind[P],
    histories: Sequence[History[P]],
    entity_of: np.ndarray,
    events: InteractionColumns,
    lookups: AsOfLookups,
    horizon_s: float,
) -> Transitions:
    """Advance the histories by all events.

    Args:
        entity_of: (events,) places in `histories`.
        horizon_s: see `features.history.add`.
    """
    newest = states_of([history.newest for history in histories], kind.layout)
    rounds = Rounds(entity_of, len(histories))
    in_order = _in_order(kind, newest.times, rounds, entity_of, events, lookups)
    if in_order.all():
        return _advance_in_waves(
            kind, histories, newest, rounds, entity_of, events, lookups, horizon_s
        )
    return _advance_mixed(kind, histories, newest, in_order, entity_of, events, lookups, horizon_s)


def _in_order(
    kind: EntityKind[P],
    newest: np.ndarray,
    rounds: Rounds,
    entity_of: np.ndarray,
    events: InteractionColumns,
    lookups: AsOfLookups,
) -> np.ndarray:
    """Mask of entities whose events may advance in rounds, (entities,) bool."""
    times = np.concatenate([newest[rounds.by_rank], events.times[rounds.order]])
    in_order = np.bincount(entity_of, minlength=len(newest)) <= kind.most
    in_order[entity_of[times[rounds.before] >= events.times]] = False
    rows = rounds.row_before(lookups.entities, lookups.events)
    in_order[lookups.entities[times[rows] >= lookups.times]] = False
    return in_order


def _advance_in_waves(
    kind: EntityKind[P],
    histories: Sequence[History[P]],
    newest: States,
    rounds: Rounds,
    entity_of: np.ndarray,
    events: InteractionColumns,
    lookups: AsOfLookups,
    horizon_s: float,
) -> Transitions:
    entities = len(histories)
    times = np.concatenate([newest.times[rounds.by_rank], events.times[rounds.order]])
    rows = np.empty(len(times), kind.layout)
    rows[:entities] = newest.values[rounds.by_rank]
    kind.advance(rows, rounds, events.times - times[rounds.before], events)
    states = States(times, rows)
    _append(kind, histories, states, rounds, entity_of, events, horizon_s)
    as_of = rounds.row_before(lookups.entities, lookups.events)
    return Transitions(states, rounds.before, rounds.after, as_of)


def _append(
    kind: EntityKind[P],
    histories: Sequence[History[P]],
    states: States,
    rounds: Rounds,
    entity_of: np.ndarray,
    events: InteractionColumns,
    horizon_s: float,
) -> None:
    """Append the new updates and states to each entity's history."""
    order = rounds.by_entity
    size, values = kind.layout.itemsize, states.values[rounds.after[order]].tobytes()
    state, updates = kind.state, events.updates
    ordered = [updates[event] for event in order.tolist()]
    new = [
        state(update.time, values[start : start + size])
        for update, start in zip(ordered, range(0, len(values), size), strict=True)
    ]
    changed, starts = np.unique(entity_of[order], return_index=True)
    stops = np.append(starts, len(order))[1:].tolist()
    for entity, start, stop in zip(changed.tolist(), starts.tolist(), stops, strict=True):
        history = histories[entity]
        history.updates += ordered[start:stop]
        history.states += new[start:stop]
        trim(history, horizon_s)


def _advance_mixed(
    kind: EntityKind[P],
    histories: Sequence[History[P]],
    newest: States,
    in_order: np.ndarray,
    entity_of: np.ndarray,
    events: InteractionColumns,
    lookups: AsOfLookups,
    horizon_s: float,
) -> Transitions:
    """Advance entities in order by rounds, the others event by event."""
    fast, fast_lookups = in_order[entity_of], in_order[lookups.entities]
    rank = np.cumsum(fast)  # of an event among those in rounds
    part = AsOfLookups(
        lookups.entities[fast_lookups],
        (rank - fast)[lookups.events[fast_lookups]],
        lookups.times[fast_lookups],
    )
    in_time = _subset(events, np.flatnonzero(fast))
    rounds = Rounds(entity_of[fast], len(histories))
    quick = _advance_in_waves(
        kind, histories, newest, rounds, entity_of[fast], in_time, part, horizon_s
    )
    slow = _OneByOne(kind, histories, horizon_s, len(quick.states.times))
    before, after = np.empty(len(fast), np.intp), np.empty(len(fast), np.intp)
    as_of = np.empty(len(fast_lookups), np.intp)
    before[fast], after[fast], as_of[fast_lookups] = quick.before, quick.after, quick.as_of
    slow.work(entity_of, events, lookups, ~fast, ~fast_lookups, (before, after, as_of))
    more = states_of(slow.states, kind.layout)
    both = (np.concatenate(pair) for pair in zip(quick.states, more, strict=True))
    return Transitions(States(*both), before, after, as_of)


def _subset(events: InteractionColumns, which: np.ndarray) -> InteractionColumns:
    return InteractionColumns(
        [events.updates[event] for event in which.tolist()],
        events.times[which],
        events.positive[which],
        events.items[which],
        events.categories[which],
        events.voters[which],
    )


class _OneByOne(Generic[P]):
    """Events and lookups one by one, in their order; `states` are those found on the way.

    Args:
        first_row: of `states` among all.
    """

    def __init__(
        self, kind: EntityKind[P], histories: Sequence[History[P]], horizon_s: float, first_row: int
    ) -> None:
        self._kind, self._histories, self._horizon_s = kind, histories, horizon_s
        self._first_row = first_row
        self.states: list[P] = []

    def work(
        self,
        entity_of: np.ndarray,
        events: InteractionColumns,
        lookups: AsOfLookups,
        slow: np.ndarray,
        slow_lookups: np.ndarray,
        into: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> None:
        """Fill in the rows before and after events, and those of lookups."""
        before, after, as_of = into
        # A lookup comes before the event up to which it looks.
        turns = [(int(lookups.events[n]), 0, n) for n in np.flatnonzero(slow_lookups).tolist()]
        turns += [(n, 1, n) for n in np.flatnonzero(slow).tolist()]
        for _, is_event, n in sorted(turns):
            if not is_event:
                history = self._histories[lookups.entities[n]]
                as_of[n] = self._row(history.before(float(lookups.times[n])))
                continue
            history = self._histories[entity_of[n]]
            before[n] = self._row(history.newest)
            newest = add(history, events.updates[n], self._kind.rule, self._horizon_s)
            after[n] = self._row(newest)

    def _row(self, state: P | None) -> int:
        if state is None:
            return UNKNOWN
        self.states.append(state)
        return self._first_row + len(self.states) - 1
