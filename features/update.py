"""Updates of users and items by interactions, one by one and as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import msgspec
import numpy as np
import xxhash

from features.interner import ITEMS, KINDS, NOTHING, interner_of


class Update(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Update of a user and an item by one interaction.

    Args:
        time: of the event, Unix seconds.
        order: the event's fingerprint: settles the order of events of the same time.
        positive: whether it counts as a positive.
        item_id: what the user interacted with.
        lists: those that features ask for, in the order of their `Needs`: for a user's features
            of the item's attributes as of `time`, for an item's of what its user had met before.
        voter: the user as `voter` gives them; 0 is nobody.
        kind: of the event, where a feature asks for it.
        value: of the event, where a feature asks for it.
    """

    time: float
    order: int
    positive: bool
    item_id: str = ""
    lists: tuple[tuple[str, ...], ...] = ()
    voter: int = 0
    kind: str | None = None
    value: float | None = None

    def follows(self, other: "Update") -> bool:
        """Return whether its place in time is after that of another."""
        if self.time != other.time:
            return self.time > other.time
        return self.order >= other.order


def voter(user_id: str) -> int:
    """A user as a number above 0: two share one once in four thousand million."""
    return xxhash.xxh32_intdigest(user_id.encode()) or 1


@dataclass(frozen=True)
class Needs:
    """Parts of an event that some features ask for.

    Args:
        lists: columns (see `Update.lists`), and how many entries of each; None are all.
        kinds, values: whether any asks for them.
    """

    lists: Mapping[str, int | None] = field(default_factory=dict)
    kinds: bool = False
    values: bool = False

    def __or__(self, other: "Needs") -> "Needs":
        lists = dict(self.lists)
        for name, depth in other.lists.items():
            known = lists.get(name, 0)
            lists[name] = None if depth is None or known is None else max(depth, known)
        return Needs(lists, self.kinds or other.kinds, self.values or other.values)


@dataclass(frozen=True)
class EventColumns:
    """Columns of a batch of events, in the order of processing.

    Args:
        updates: one an event.
        times, positive: (events,) of the updates.
        items: (events,) numbers of `features.interner`.
        voters: (events,) the users, `voter`.
        lists: (events, most) numbers of `features.interner.interner_of` by column, padded with 0.
        kinds: (events,) numbers of `features.interner.KINDS`, 0 where nobody asks for them.
        values: (events,) float64, likewise.
    """

    updates: list[Update]
    times: np.ndarray
    positive: np.ndarray
    items: np.ndarray
    voters: np.ndarray
    lists: dict[str, np.ndarray]
    kinds: np.ndarray
    values: np.ndarray

    def take(self, which: np.ndarray) -> "EventColumns":
        """Some of them."""
        return EventColumns(
            [self.updates[event] for event in which.tolist()],
            self.times[which],
            self.positive[which],
            self.items[which],
            self.voters[which],
            {name: numbers[which] for name, numbers in self.lists.items()},
            self.kinds[which],
            self.values[which],
        )

    def with_lists(self, lists: dict[str, np.ndarray]) -> "EventColumns":
        """The same with other lists, also in the updates.

        Args:
            lists: as the attribute.
        """
        texts = [interner_of(name).lists(numbers) for name, numbers in lists.items()]
        updates = [
            Update(u.time, u.order, u.positive, u.item_id, of_update, u.voter, u.kind, u.value)
            for u, of_update in zip(self.updates, zip(*texts, strict=True), strict=True)
        ]
        return replace(self, updates=updates, lists=lists)


def columns_of(updates: Sequence[Update], needs: Needs) -> EventColumns:
    """Updates as columns."""
    return EventColumns(
        list(updates),
        np.array([update.time for update in updates], np.float64),
        np.array([update.positive for update in updates], np.bool_),
        np.array(ITEMS.numbers([update.item_id for update in updates]), np.int32),
        np.array([update.voter for update in updates], np.uint32),
        {
            name: list_numbers(
                name, [u.lists[place] if len(u.lists) > place else () for u in updates]
            )
            for place, name in enumerate(needs.lists)
        },
        kind_numbers([update.kind or "" for update in updates], needs),
        value_numbers([update.value for update in updates], needs),
    )


def list_numbers(name: str, lists: Sequence[Sequence[str]]) -> np.ndarray:
    """(rows, most) numbers of lists of column `name`, padded at the end with 0."""
    lengths = np.array([len(each) for each in lists], np.intp)
    padded = np.full((len(lists), int(lengths.max(initial=0))), NOTHING, np.int32)
    is_used = np.arange(padded.shape[1]) < lengths[:, None]
    padded[is_used] = interner_of(name).numbers(chain.from_iterable(lists))
    return padded


def kind_numbers(kinds: Sequence[str], needs: Needs) -> np.ndarray:
    """(rows,) numbers of event kinds."""
    numbers = KINDS.numbers(kinds) if needs.kinds else NOTHING
    return np.full(len(kinds), numbers, np.int32)


def value_numbers(values: Sequence[float | None], needs: Needs) -> np.ndarray:
    """(rows,) values of events, 0 where there is none."""
    numbers = [value or 0.0 for value in values] if needs.values else 0.0
    return np.full(len(values), numbers, np.float64)
