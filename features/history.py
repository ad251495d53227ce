"""An entity's recent past, so that late events find their place and no example sees the future.

A history is a base state, the updates of the last `horizon_s` seconds in the order of their times,
and the state after each of them. An update that comes late goes to its place in that order and the
states after it are computed anew: the outcome is the same as if it had come in time, bit by bit. An
update from before the base can only be absorbed (decayed counts commute); what was true before its
own time is no longer known.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import msgspec

# The most updates that are kept apart, however many come within the horizon.
MAX_UPDATES = 128


class Update(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Update of a user and an item by one interaction.

    Args:
        time: of the event, Unix seconds.
        order: the event's fingerprint: settles the order of events of the same time.
        positive: whether it counts as a positive.
        item_id: what the user interacted with.
        categories: of that item, as of `time`.
        voter: the user as `features.state.voter` gives them; 0 is nobody.
    """

    time: float
    order: int
    positive: bool
    item_id: str = ""
    categories: tuple[str, ...] = ()
    voter: int = 0

    def follows(self, other: "Update") -> bool:
        """Return whether its place in time is after that of another."""
        if self.time != other.time:
            return self.time > other.time
        return self.order >= other.order


class Timed(Protocol):
    """State of an entity: its values right after an event at `time`."""

    @property
    def time(self) -> float: ...


P = TypeVar("P", bound=Timed)


@dataclass(frozen=True)
class Rule(Generic[P]):
    """Transition rule: the next state from a state and an update.

    Args:
        empty: the state before any event; its time is 0.
        advance: (state, update at or after it) -> the state after the update.
        absorb: (state, update before it) -> the state as if the update had not come late.
    """

    empty: P
    advance: Callable[[P, Update], P]
    absorb: Callable[[P, Update], P]


@dataclass(slots=True)
class History(Generic[P]):
    """A base state and what came after it; `states[i]` is the state after `updates[i]`."""

    base: P
    updates: list[Update] = field(default_factory=list)
    states: list[P] = field(default_factory=list)

    @property
    def newest(self) -> P:
        """The entity's values after everything that is known."""
        return self.states[-1] if self.states else self.base

    def before(self, time_s: float) -> P | None:
        """The state that holds just before `time_s`; None where that was forgotten.

        Events at `time_s` itself are not in it.
        """
        for state in reversed(self.states):
            if state.time < time_s:
                return state
        return self.base if self.base.time < time_s else None


def restored(base: P, updates: list[Update], rule: Rule[P]) -> History[P]:
    """The history whose base and updates a store kept."""
    history = History(base, updates)
    _replay(history, 0, rule)
    return history


def add(history: History[P], update: Update, rule: Rule[P], horizon_s: float) -> P:
    """Put `update` in its place and forget what is older than `horizon_s` before the newest.

    Returns:
        The newest state then.
    """
    updates = history.updates
    if update.follows(updates[-1]) if updates else update.time > history.base.time:
        newest = rule.advance(history.newest, update)
        history.states.append(newest)
        updates.append(update)
    else:
        _insert(history, update, rule)
        newest = history.newest
    trim(history, horizon_s)
    return newest


def trim(history: History[P], horizon_s: float) -> None:
    """Forget what is older than `horizon_s` before the newest, or beyond `MAX_UPDATES`."""
    updates = history.updates
    if updates and (len(updates) > MAX_UPDATES or updates[0].time < updates[-1].time - horizon_s):
        _forget(history, horizon_s)


def _insert(history: History[P], update: Update, rule: Rule[P]) -> None:
    """Put an update that comes late in its place."""
    updates = history.updates
    index = len(updates)
    while index and not update.follows(updates[index - 1]):
        index -= 1
    if index == 0 and update.time <= history.base.time:
        history.base = rule.absorb(history.base, update)
    else:
        updates.insert(index, update)
    _replay(history, index, rule)


def _replay(history: History[P], start: int, rule: Rule[P]) -> None:
    states = history.states
    del states[start:]
    state = states[-1] if states else history.base
    for update in history.updates[start:]:
        state = rule.advance(state, update)
        states.append(state)


def _forget(history: History[P], horizon_s: float) -> None:
    updates = history.updates
    oldest = updates[-1].time - horizon_s
    count = max(len(updates) - MAX_UPDATES, 0)
    while updates[count].time < oldest:
        count += 1
    history.base = history.states[count - 1]
    del updates[:count], history.states[:count]
