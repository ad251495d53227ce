"""Columnar view of a segment of interactions, and the entity states around each event."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from features.history import Rule, Update
from features.rounds import Rounds, advance_items, advance_users
from features.state import (
    ITEM_RULE,
    ITEM_VALUES,
    USER_RULE,
    USER_VALUES,
    ItemState,
    States,
    UserState,
)

UNKNOWN = -1

P = TypeVar("P", bound=ItemState | UserState)


@dataclass(frozen=True)
class InteractionColumns:
    """Columns of a segment of events, in the order of processing.

    Args:
        updates: one an event.
        times, positive: (events,) of the updates.
        items: (events,) numbers of `features.interner`.
        categories: (events, most) numbers of the items' categories, padded with 0.
        voters: (events,) the users, `features.state.voter`.
    """

    updates: list[Update]
    times: np.ndarray
    positive: np.ndarray
    items: np.ndarray
    categories: np.ndarray
    voters: np.ndarray


@dataclass(frozen=True)
class AsOfLookups:
    """As-of lookups: entities just before a time; all (lookups,).

    Args:
        entities: which.
        events: as far as events before this one have been worked on.
        times: Unix seconds; what happened then is not in the answer.
    """

    entities: np.ndarray
    events: np.ndarray
    times: np.ndarray


@dataclass(frozen=True)
class Transitions:
    """Entity states before and after each event; rows of `states`.

    Args:
        before, after: (events,) the newest state of the event's entity before and after it.
        as_of: (lookups,) the answers, `UNKNOWN` where it was forgotten.
    """

    states: States
    before: np.ndarray
    after: np.ndarray
    as_of: np.ndarray


@dataclass(frozen=True)
class EntityKind(Generic[P]):
    """Users or items.

    Args:
        rule: for one event.
        advance: for many: rows, rounds, ages in seconds, and the events in question.
        most: events of one entity that are worth a round each.
    """

    rule: Rule[P]
    state: type[P]
    layout: np.dtype[Any]
    advance: Callable[[np.ndarray, Rounds, np.ndarray, InteractionColumns], None]
    most: int


def _advance_users(
    rows: np.ndarray, rounds: Rounds, ages_s: np.ndarray, events: InteractionColumns
) -> None:
    advance_users(rows, rounds, ages_s, events.positive, events.items, events.categories)


def _advance_items(
    rows: np.ndarray, rounds: Rounds, ages_s: np.ndarray, events: InteractionColumns
) -> None:
    advance_items(rows, rounds, ages_s, events.positive, events.voters)


USER_KIND = EntityKind(USER_RULE, UserState, USER_VALUES, _advance_users, most=32)
ITEM_KIND = EntityKind(ITEM_RULE, ItemState, ITEM_VALUES, _advance_items, most=10_000)
