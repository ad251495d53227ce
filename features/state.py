"""State transitions of a user and an item by one event (`features/history.py`).

A state holds an entity's values as of its time, right after an event. The stream writes the newest
state as a feature row, and gives an example the state before its own time.
"""

from collections.abc import Sequence
from functools import partial
from struct import Struct
from typing import Any, NamedTuple

import msgspec
import numpy as np
import xxhash

from features.counters import Counts, counters_of
from features.history import History, Rule, Update
from features.interner import CATEGORIES, ITEMS, NOTHING
from features.spec import BY_NAME, CATEGORY_HALF_LIFE_S, RECENT_ITEMS

USER_COUNTERS = counters_of("user")
ITEM_COUNTERS = counters_of("item")
_COUNTS = len(USER_COUNTERS.features)

# Categories whose affinity is tracked for a user; the strongest of them are the feature.
TRACKED_CATEGORIES = 4 * (BY_NAME["user_categories"].length or 0)

# A user's values: decayed counts; the categories they have met, the one with the most decayed
# events first, as numbers of `features.interner`, and the decayed events and positives of each; the
# items they met last, the newest first, each once. Rows that are not full end in zeros.
USER_VALUES = np.dtype(
    [
        ("counts", "<f8", _COUNTS),
        ("events", "<f8", TRACKED_CATEGORIES),
        ("positives", "<f8", TRACKED_CATEGORIES),
        ("categories", "<i4", TRACKED_CATEGORIES),
        ("recent", "<i4", RECENT_ITEMS),
    ]
)
# An item's values: decayed counts, and whose positives made `people` grow last, the newest first.
VOTERS = 16
ITEM_VALUES = np.dtype([("counts", "<f8", len(ITEM_COUNTERS.features)), ("voters", "<u4", VOTERS)])
_ITEM_LAYOUT = Struct(f"<{len(ITEM_COUNTERS.features)}d{VOTERS}I")
_LAYOUT = Struct(f"<{_COUNTS + 2 * TRACKED_CATEGORIES}d{TRACKED_CATEGORIES + RECENT_ITEMS}i")


class ItemState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An item right after an event at `time`.

    Args:
        values: bytes of an `ITEM_VALUES`.
    """

    time: float
    values: bytes

    @property
    def counts(self) -> Counts:
        """Decayed counts, in the order of `ITEM_COUNTERS`."""
        return _ITEM_LAYOUT.unpack(self.values)[:-VOTERS]


class UserValues(msgspec.Struct, array_like=True, gc=False):
    """A `USER_VALUES` as Python has it, without the zeros at the ends.

    Args:
        strengths: decayed events of each of `categories`, then positives.
    """

    counts: Counts
    categories: tuple[str, ...]
    strengths: list[float]
    recent: tuple[str, ...]

    @classmethod
    def unpacked(cls, values: bytes) -> "UserValues":
        """The values in a row."""
        row = _LAYOUT.unpack(values)
        numbers, names = (
            row[: -TRACKED_CATEGORIES - RECENT_ITEMS],
            row[-TRACKED_CATEGORIES - RECENT_ITEMS :],
        )
        categories = CATEGORIES.texts(names[:TRACKED_CATEGORIES])
        events, positives = numbers[_COUNTS:-TRACKED_CATEGORIES], numbers[-TRACKED_CATEGORIES:]
        count = len(categories)
        return cls(
            numbers[:_COUNTS],
            categories,
            [*events[:count], *positives[:count]],
            ITEMS.texts(names[TRACKED_CATEGORIES:]),
        )

    def packed(self) -> bytes:
        """The row."""
        count = len(self.categories)
        unused = TRACKED_CATEGORIES - count
        return _LAYOUT.pack(
            *self.counts,
            *self.strengths[:count],
            *(0.0,) * unused,
            *self.strengths[count:],
            *(0.0,) * unused,
            *CATEGORIES.numbers(self.categories),
            *(NOTHING,) * unused,
            *ITEMS.numbers(self.recent),
            *(NOTHING,) * (RECENT_ITEMS - len(self.recent)),
        )


class UserState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A user right after an event at `time`.

    Args:
        values: bytes of a `USER_VALUES`.
    """

    time: float
    values: bytes

    @property
    def counts(self) -> Counts:
        """Decayed counts, in the order of `USER_COUNTERS`."""
        return UserValues.unpacked(self.values).counts

    @property
    def recent(self) -> tuple[str, ...]:
        """Items, the newest first, each once."""
        return UserValues.unpacked(self.values).recent

    @property
    def categories(self) -> tuple[str, ...]:
        """Those the user has met, the one with the most decayed events first."""
        return UserValues.unpacked(self.values).categories

    @property
    def events(self) -> Counts:
        """Decayed events of each of `categories`."""
        strengths = UserValues.unpacked(self.values).strengths
        return tuple(strengths[: len(strengths) // 2])

    @property
    def positives(self) -> Counts:
        """Decayed positives of each of `categories`."""
        strengths = UserValues.unpacked(self.values).strengths
        return tuple(strengths[len(strengths) // 2 :])


class States(NamedTuple):
    """Many states of one kind: times (rows,), and their values (rows, ...)."""

    times: np.ndarray
    values: np.ndarray

    def take(self, rows: np.ndarray) -> "States":
        """Some of them."""
        return States(self.times[rows], self.values[rows])


def states_of(states: Sequence[ItemState | UserState], layout: np.dtype[Any]) -> States:
    """States of `layout`: `USER_VALUES` or `ITEM_VALUES`."""
    times = np.array([state.time for state in states], np.float64)
    return States(times, np.frombuffer(b"".join([state.values for state in states]), layout))


ItemHistory = History[ItemState]
UserHistory = History[UserState]


def voter(user_id: str) -> int:
    """A user as a number above 0: two share one once in four thousand million."""
    return xxhash.xxh32_intdigest(user_id.encode()) or 1


def advance_item(state: ItemState, update: Update) -> ItemState:
    """The item after one more event."""
    old, voters, is_new = _voted(state, update)
    counts = ITEM_COUNTERS.advanced(old, update.time - state.time, update.positive, is_new)
    return ItemState(update.time, _ITEM_LAYOUT.pack(*counts, *voters))


def absorb_item(state: ItemState, update: Update) -> ItemState:
    """The item with an event from before `state`."""
    old, voters, is_new = _voted(state, update)
    counts = ITEM_COUNTERS.absorbed(old, state.time - update.time, update.positive, is_new)
    return ItemState(state.time, _ITEM_LAYOUT.pack(*counts, *voters))


def advance_user(state: UserState, update: Update) -> UserState:
    """The user after one more event."""
    age_s = update.time - state.time
    old = UserValues.unpacked(state.values)
    counts = USER_COUNTERS.advanced(old.counts, age_s, update.positive)
    left = affinity_left(age_s)
    faded = [strength * left for strength in old.strengths]
    categories, strengths = _strengthened(old.categories, faded, update, 1.0)
    recent = recent_with(old.recent, update.item_id)
    return UserState(update.time, UserValues(counts, categories, strengths, recent).packed())


def absorb_user(state: UserState, update: Update) -> UserState:
    """The user with an event from before `state`; what is recent stays as it is."""
    age_s = state.time - update.time
    old = UserValues.unpacked(state.values)
    counts = USER_COUNTERS.absorbed(old.counts, age_s, update.positive)
    categories, strengths = _strengthened(
        old.categories, old.strengths, update, affinity_left(age_s)
    )
    return UserState(state.time, UserValues(counts, categories, strengths, old.recent).packed())


def _voted(state: ItemState, update: Update) -> tuple[Counts, tuple[int, ...], bool]:
    """The counts, who has voted when the event has, and whether its user is new among them."""
    values = _ITEM_LAYOUT.unpack(state.values)
    counts, voters = values[:-VOTERS], values[-VOTERS:]
    if not update.positive or update.voter in voters:
        return counts, voters, update.voter not in voters
    return counts, (update.voter, *voters[:-1]), True


def affinity_left(age_s: Any) -> Any:
    """Remaining share of an affinity after so many seconds, or of many after (events,) seconds."""
    left = np.exp2(-age_s / CATEGORY_HALF_LIFE_S)
    return left if np.ndim(left) else float(left)


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


NO_ITEM = ItemState(0.0, bytes(ITEM_VALUES.itemsize))
NO_USER = UserState(0.0, bytes(USER_VALUES.itemsize))

ITEM_RULE = Rule(NO_ITEM, advance_item, absorb_item)
USER_RULE = Rule(NO_USER, advance_user, absorb_user)

new_item = partial(ItemHistory, NO_ITEM)
new_user = partial(UserHistory, NO_USER)
