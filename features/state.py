"""What an event does to its user and its item: points in their histories (`features/history.py`).

A point holds an entity's values as of its time, right after an event. The stream writes the newest
point as a feature row, and gives an example the point before its own time.
"""

from functools import partial
from math import exp2

import msgspec

from features.counters import Counts, counters_of
from features.floats import SIZE, packed, unpacked
from features.history import History, Rule, Update
from features.spec import BY_NAME, CATEGORY_HALF_LIFE_S, RECENT_ITEMS

USER_COUNTERS = counters_of("user")
ITEM_COUNTERS = counters_of("item")
_COUNTS = len(USER_COUNTERS.features)
_COUNTS_SIZE = SIZE * _COUNTS

# Categories whose affinity is tracked for a user; the strongest of them are the feature.
TRACKED_CATEGORIES = 4 * (BY_NAME["user_categories"].length or 0)


class ItemPoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An item right after an event at `time`; the numbers are `features.floats`."""

    time: float
    packed_counts: bytes

    @property
    def counts(self) -> Counts:
        """Decayed counts, in the order of `ITEM_COUNTERS`."""
        return unpacked(self.packed_counts)


class UserPoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A user right after an event at `time`.

    Args:
        recent: items, the newest first, each once.
        categories: those the user has met, the one with the most decayed events first.
        numbers: `features.floats`: decayed counts, then the decayed events of each of `categories`,
            then the positives.
    """

    time: float
    recent: tuple[str, ...]
    categories: tuple[str, ...]
    numbers: bytes

    @property
    def packed_counts(self) -> bytes:
        """Decayed counts, in the order of `USER_COUNTERS`."""
        return self.numbers[:_COUNTS_SIZE]

    @property
    def counts(self) -> Counts:
        """The same as numbers."""
        return unpacked(self.packed_counts)

    @property
    def events(self) -> Counts:
        """Decayed events of each of `categories`."""
        return unpacked(self.packed_events(len(self.categories)))

    @property
    def positives(self) -> Counts:
        """Decayed positives of each of `categories`."""
        return unpacked(self.packed_positives(len(self.categories)))

    def packed_events(self, top: int) -> bytes:
        """`events` of the first `top` of `categories`."""
        stop = min(top, len(self.categories))
        return self.numbers[_COUNTS_SIZE : _COUNTS_SIZE + SIZE * stop]

    def packed_positives(self, top: int) -> bytes:
        """`positives` of the first `top` of `categories`."""
        start = _COUNTS_SIZE + SIZE * len(self.categories)
        return self.numbers[start : start + SIZE * top]


ItemHistory = History[ItemPoint]
UserHistory = History[UserPoint]


def advance_item(point: ItemPoint, update: Update) -> ItemPoint:
    """The item after one more event."""
    counts = ITEM_COUNTERS.advanced(point.counts, update.time - point.time, update.positive)
    return ItemPoint(update.time, packed(counts))


def absorb_item(point: ItemPoint, update: Update) -> ItemPoint:
    """The item with an event from before `point`."""
    counts = ITEM_COUNTERS.absorbed(point.counts, point.time - update.time, update.positive)
    return ItemPoint(point.time, packed(counts))


def advance_user(point: UserPoint, update: Update) -> UserPoint:
    """The user after one more event."""
    age_s = update.time - point.time
    left = exp2(-age_s / CATEGORY_HALF_LIFE_S)
    numbers = unpacked(point.numbers)
    counts = USER_COUNTERS.advanced(numbers[:_COUNTS], age_s, update.positive)
    faded = [number * left for number in numbers[_COUNTS:]]
    categories, strengths = _strengthened(point.categories, faded, update, 1.0)
    recent = recent_with(point.recent, update.item_id)
    return UserPoint(update.time, recent, categories, packed((*counts, *strengths)))


def absorb_user(point: UserPoint, update: Update) -> UserPoint:
    """The user with an event from before `point`; what is recent stays as it is."""
    age_s = point.time - update.time
    weight = exp2(-age_s / CATEGORY_HALF_LIFE_S)
    numbers = unpacked(point.numbers)
    counts = USER_COUNTERS.absorbed(numbers[:_COUNTS], age_s, update.positive)
    known = list(numbers[_COUNTS:])
    categories, strengths = _strengthened(point.categories, known, update, weight)
    return UserPoint(point.time, point.recent, categories, packed((*counts, *strengths)))


def recent_with(recent: tuple[str, ...], item_id: str) -> tuple[str, ...]:
    """`recent` with `item_id` as its newest, no item twice, at most `RECENT_ITEMS`."""
    if item_id in recent:
        recent = tuple([other for other in recent if other != item_id])
    return (item_id, *recent[: RECENT_ITEMS - 1])


def _strengthened(
    categories: tuple[str, ...], strengths: list[float], update: Update, weight: float
) -> tuple[tuple[str, ...], list[float]]:
    """One event of `weight` more in the categories of `update`; the strongest stay first.

    All fade alike, so that only those that gain can change places.

    Args:
        strengths: events of each of `categories`, then positives.
    """
    names = list(categories)
    events, positives = strengths[: len(names)], strengths[len(names) :]
    for category in update.categories:
        if category not in names:
            names.append(category)
            events.append(0.0)
            positives.append(0.0)
        place = names.index(category)
        events[place] = strength = events[place] + weight
        if update.positive:
            positives[place] += weight
        stronger = place
        while stronger and events[stronger - 1] < strength:
            stronger -= 1
        if stronger != place:
            for row in (names, events, positives):
                row.insert(stronger, row.pop(place))  # type: ignore[arg-type]
    del names[TRACKED_CATEGORIES:], events[TRACKED_CATEGORIES:], positives[TRACKED_CATEGORIES:]
    return tuple(names), events + positives


NO_ITEM = ItemPoint(0.0, packed(ITEM_COUNTERS.empty))
NO_USER = UserPoint(0.0, (), (), packed(USER_COUNTERS.empty))

ITEM_RULE = Rule(NO_ITEM, advance_item, absorb_item)
USER_RULE = Rule(NO_USER, advance_user, absorb_user)

new_item = partial(ItemHistory, NO_ITEM)
new_user = partial(UserHistory, NO_USER)
