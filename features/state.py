"""What an event does to its user and its item: points in their histories (`features/history.py`).

A point holds an entity's values as of its time, right after an event. The stream writes the newest
point as a feature row, and gives an example the point before its own time.
"""

from functools import partial
from math import exp2

import msgspec

from features.counters import Counts, counters_of
from features.history import History, Rule, Update
from features.spec import BY_NAME, CATEGORY_HALF_LIFE_S, RECENT_ITEMS

USER_COUNTERS = counters_of("user")
ITEM_COUNTERS = counters_of("item")

# Categories whose affinity is tracked for a user; the strongest of them are the feature.
TRACKED_CATEGORIES = 4 * (BY_NAME["user_categories"].length or 0)


class ItemPoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An item right after an event at `time`."""

    time: float
    counts: Counts


class UserPoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A user right after an event at `time`.

    Args:
        recent: items, the newest first, each once.
        categories: those the user has met, the one with the most decayed events first.
        events, positives: decayed, of each of `categories`.
    """

    time: float
    counts: Counts
    recent: tuple[str, ...]
    categories: tuple[str, ...]
    events: tuple[float, ...]
    positives: tuple[float, ...]


ItemHistory = History[ItemPoint]
UserHistory = History[UserPoint]


def advance_item(point: ItemPoint, update: Update) -> ItemPoint:
    """The item after one more event."""
    age_s = update.time - point.time
    return ItemPoint(update.time, ITEM_COUNTERS.advanced(point.counts, age_s, update.positive))


def absorb_item(point: ItemPoint, update: Update) -> ItemPoint:
    """The item with an event from before `point`."""
    age_s = point.time - update.time
    return ItemPoint(point.time, ITEM_COUNTERS.absorbed(point.counts, age_s, update.positive))


def advance_user(point: UserPoint, update: Update) -> UserPoint:
    """The user after one more event."""
    age_s = update.time - point.time
    left = exp2(-age_s / CATEGORY_HALF_LIFE_S)
    events = [count * left for count in point.events]
    positives = [count * left for count in point.positives]
    return UserPoint(
        update.time,
        USER_COUNTERS.advanced(point.counts, age_s, update.positive),
        recent_with(point.recent, update.item_id),
        *_strengthened(point.categories, events, positives, update, 1.0),
    )


def absorb_user(point: UserPoint, update: Update) -> UserPoint:
    """The user with an event from before `point`; what is recent stays as it is."""
    age_s = point.time - update.time
    weight = exp2(-age_s / CATEGORY_HALF_LIFE_S)
    events, positives = list(point.events), list(point.positives)
    return UserPoint(
        point.time,
        USER_COUNTERS.absorbed(point.counts, age_s, update.positive),
        point.recent,
        *_strengthened(point.categories, events, positives, update, weight),
    )


def recent_with(recent: tuple[str, ...], item_id: str) -> tuple[str, ...]:
    """`recent` with `item_id` as its newest, no item twice, at most `RECENT_ITEMS`."""
    if item_id in recent:
        recent = tuple([other for other in recent if other != item_id])
    return (item_id, *recent[: RECENT_ITEMS - 1])


def _strengthened(
    categories: tuple[str, ...],
    events: list[float],
    positives: list[float],
    update: Update,
    weight: float,
) -> tuple[tuple[str, ...], tuple[float, ...], tuple[float, ...]]:
    """One event of `weight` more in the categories of `update`; the strongest stay first.

    All fade alike, so that only those that gain can change places.
    """
    names = list(categories)
    for category in update.categories:
        if category not in names:
            names.append(category)
            events.append(0.0)
            positives.append(0.0)
        place = names.index(category)
        strength = events.pop(place) + weight
        gained = positives.pop(place) + (weight if update.positive else 0.0)
        del names[place]
        while place and events[place - 1] < strength:
            place -= 1
        names.insert(place, category)
        events.insert(place, strength)
        positives.insert(place, gained)
    return (
        tuple(names[:TRACKED_CATEGORIES]),
        tuple(events[:TRACKED_CATEGORIES]),
        tuple(positives[:TRACKED_CATEGORIES]),
    )


NO_ITEM = ItemPoint(0.0, ITEM_COUNTERS.empty)
NO_USER = UserPoint(0.0, USER_COUNTERS.empty, (), (), (), ())

ITEM_RULE = Rule(NO_ITEM, advance_item, absorb_item)
USER_RULE = Rule(NO_USER, advance_user, absorb_user)

new_item = partial(ItemHistory, NO_ITEM)
new_user = partial(UserHistory, NO_USER)
