"""State transitions: advance the histories of a segment's users, or of its items.

Entities whose events come in their order, and of which nobody asks for an earlier time than their
newest, are moved together in rounds (`features/rounds.py`). Those of the others go through their
histories one after another, the first ones of all, then their second ones (`stream/processing/
out_of_order.py`), which find the place of what is late; to the last bit the outcome is the same.
"""

from collections.abc import Sequence

import numpy as np

from features.entity_rule import EntityRule
from features.families.family import States
from features.history import History, transitions, trim
from features.rounds import Rounds
from features.update import EventColumns
from stream.processing.columns import AsOfLookups, Transitions
from stream.processing.out_of_order import OutOfOrder
from stream.processing.same_instant import follow, state_rows


def advance(
    rule: EntityRule,
    histories: Sequence[History],
    entity_of: np.ndarray,
    events: EventColumns,
    lookups: AsOfLookups,
    horizon_s: float,
) -> Transitions:
    """Advance the histories by all events.

    Args:
        entity_of: (events,) places in `histories`.
        horizon_s: see `features.history.add`.
    """
    newest = rule.states_of([history.newest for history in histories])
    rounds = Rounds(entity_of, len(histories))
    in_order = _in_order(histories, newest.times, rounds, entity_of, events, lookups)
    given = rule, histories, newest
    if in_order.all():
        return _advance_in_rounds(*given, rounds, entity_of, events, lookups, horizon_s)
    return _advance_mixed(*given, in_order, entity_of, events, lookups, horizon_s)


def _in_order(
    histories: Sequence[History],
    newest: np.ndarray,
    rounds: Rounds,
    entity_of: np.ndarray,
    events: EventColumns,
    lookups: AsOfLookups,
) -> np.ndarray:
    """Mask of entities whose events may advance in rounds, (entities,) bool."""
    times = np.concatenate([newest[rounds.by_rank], events.times[rounds.order]])
    in_order = np.ones(len(newest), np.bool_)
    earlier = times[rounds.before]
    in_order[entity_of[earlier > events.times]] = False
    same = np.flatnonzero(earlier == events.times)
    if len(same):
        in_order[entity_of[same[~follow(same, histories, rounds, entity_of, events)]]] = False
    rows = rounds.row_before(lookups.entities, lookups.events)
    in_order[lookups.entities[times[rows] > lookups.times]] = False
    return in_order


def _advance_in_rounds(
    rule: EntityRule,
    histories: Sequence[History],
    newest: States,
    rounds: Rounds,
    entity_of: np.ndarray,
    events: EventColumns,
    lookups: AsOfLookups,
    horizon_s: float,
) -> Transitions:
    states = transitions(rule, newest, rounds, events)
    rows = rounds.row_before(lookups.entities, lookups.events)
    as_of, more = state_rows(rows, histories, states.times, rounds, lookups)
    _append(rule, histories, states, rounds, entity_of, events, horizon_s)
    if more:
        states = _together(states, rule.states_of(more))
    return Transitions(states, rounds.before, rounds.after, as_of)


def _append(
    rule: EntityRule,
    histories: Sequence[History],
    states: States,
    rounds: Rounds,
    entity_of: np.ndarray,
    events: EventColumns,
    horizon_s: float,
) -> None:
    """Append the new updates and states to each entity's history."""
    order = rounds.by_entity
    new = rule.each_of(states.take(rounds.after[order]))
    ordered = [events.updates[event] for event in order.tolist()]
    changed, starts = np.unique(entity_of[order], return_index=True)
    stops = np.append(starts, len(order))[1:].tolist()
    for entity, start, stop in zip(changed.tolist(), starts.tolist(), stops, strict=True):
        history = histories[entity]
        history.updates += ordered[start:stop]
        history.states += new[start:stop]
        trim(history, horizon_s)


def _advance_mixed(
    rule: EntityRule,
    histories: Sequence[History],
    newest: States,
    in_order: np.ndarray,
    entity_of: np.ndarray,
    events: EventColumns,
    lookups: AsOfLookups,
    horizon_s: float,
) -> Transitions:
    """Advance entities in order by rounds, the others through their histories."""
    fast, fast_lookups = in_order[entity_of], in_order[lookups.entities]
    rank = np.cumsum(fast)  # of an event among those in rounds
    part = AsOfLookups(
        lookups.entities[fast_lookups],
        (rank - fast)[lookups.events[fast_lookups]],
        lookups.times[fast_lookups],
    )
    in_time = events.take(np.flatnonzero(fast))
    rounds = Rounds(entity_of[fast], len(histories))
    quick = _advance_in_rounds(
        rule, histories, newest, rounds, entity_of[fast], in_time, part, horizon_s
    )
    before, after = np.empty(len(fast), np.intp), np.empty(len(fast), np.intp)
    as_of = np.empty(len(fast_lookups), np.intp)
    before[fast], after[fast], as_of[fast_lookups] = quick.before, quick.after, quick.as_of
    slow = OutOfOrder(rule, histories, horizon_s, len(quick.states.times))
    slow.work(entity_of, events, lookups, ~fast, ~fast_lookups, (before, after, as_of))
    return Transitions(_together(quick.states, rule.states_of(slow.states)), before, after, as_of)


def _together(first: States, second: States) -> States:
    return States(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))
