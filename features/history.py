"""An entity's recent past, so that late events find their place and no example sees the future.

A history is a base state, the updates of the last `horizon_s` seconds in the order of their times,
and the state after each of them. An update that comes late goes to its place in that order and the
states after it are computed anew: the outcome is the same as if it had come in time, bit by bit. An
update from before the base can only be absorbed (decayed counts commute); what was true before its
own time is no longer known.

Everything that computes a state goes through `transitions`: many histories at once, in rounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from features.entity_rule import EntityRule, State
from features.families.family import States
from features.rounds import Rounds
from features.update import EventColumns, Update, columns_of

# The most updates that are kept apart, however many come within the horizon.
MAX_UPDATES = 128


@dataclass(slots=True)
class History:
    """A base state and what came after it; `states[i]` is the state after `updates[i]`."""

    base: State
    updates: list[Update] = field(default_factory=list)
    states: list[State] = field(default_factory=list)

    @property
    def newest(self) -> State:
        """The entity's values after everything that is known."""
        return self.states[-1] if self.states else self.base

    def before(self, time_s: float) -> State | None:
        """The state that holds just before `time_s`; None where that was forgotten.

        Events at `time_s` itself are not in it.
        """
        for state in reversed(self.states):
            if state.time < time_s:
                return state
        return self.base if self.base.time < time_s else None


def transitions(rule: EntityRule, begin: States, rounds: Rounds, events: EventColumns) -> States:
    """States before and after each event, in the rows of `rounds`.

    Args:
        begin: (entities,) states, of which no event is earlier.
    """
    entities = len(begin.times)
    times = np.concatenate([begin.times[rounds.by_rank], events.times[rounds.order]])
    rows = np.zeros(len(times), rule.layout)
    rows[:entities] = begin.values[rounds.by_rank]
    rule.advance(rows, rounds, events.times - times[rounds.before], events)
    return States(times, rows)


def add(
    rule: EntityRule,
    histories: Sequence[History],
    updates: Sequence[Update],
    horizon_s: float,
) -> None:
    """Put one update in its place in each history, and forget what is older than `horizon_s`.

    Args:
        histories: each one once.
    """
    starts = [_place(history, update) for history, update in zip(histories, updates, strict=True)]
    too_late = [n for n, start in enumerate(starts) if start is None]
    if too_late:
        _absorb(rule, [histories[n] for n in too_late], [updates[n] for n in too_late])
    replay(rule, histories, [start or 0 for start in starts])
    for history in histories:
        trim(history, horizon_s)


def replay(rule: EntityRule, histories: Sequence[History], starts: Sequence[int]) -> None:
    """Compute the states after the updates of each history from `starts` on."""
    begin, updates = [], []
    counts = np.zeros(len(histories), np.intp)
    for n, (history, start) in enumerate(zip(histories, starts, strict=True)):
        del history.states[start:]
        begin.append(history.newest)
        updates += history.updates[start:]
        counts[n] = len(history.updates) - start
    if not updates:
        return
    entity_of = np.repeat(np.arange(len(histories)), counts)
    rounds = Rounds(entity_of, len(histories))
    events = columns_of(updates, rule.needs)
    states = transitions(rule, rule.states_of(begin), rounds, events)
    new = iter(rule.each_of(states.take(rounds.after)))
    for history, count in zip(histories, counts.tolist(), strict=True):
        history.states += [next(new) for _ in range(count)]


def trim(history: History, horizon_s: float) -> None:
    """Forget what is older than `horizon_s` before the newest, or beyond `MAX_UPDATES`."""
    updates = history.updates
    if updates and (len(updates) > MAX_UPDATES or updates[0].time < updates[-1].time - horizon_s):
        _forget(history, horizon_s)


def _place(history: History, update: Update) -> int | None:
    """Put an update in its place and return that; None where it is from before the base."""
    updates = history.updates
    index = len(updates)
    while index and not update.follows(updates[index - 1]):
        index -= 1
    if index == 0 and update.time <= history.base.time:
        return None
    updates.insert(index, update)
    return index


def _absorb(rule: EntityRule, histories: Sequence[History], updates: Sequence[Update]) -> None:
    bases = rule.states_of([history.base for history in histories])
    absorbed = rule.absorbed(bases, columns_of(updates, rule.needs))
    for history, base in zip(histories, rule.each_of(absorbed), strict=True):
        history.base = base


def _forget(history: History, horizon_s: float) -> None:
    updates = history.updates
    oldest = updates[-1].time - horizon_s
    count = max(len(updates) - MAX_UPDATES, 0)
    while updates[count].time < oldest:
        count += 1
    history.base = history.states[count - 1]
    del updates[:count], history.states[:count]
