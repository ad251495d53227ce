"""The log that is replayed: interactions as columns, and upserts beside them, in time order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from millstream.domain import domain
from millstream.events import Impression, Interaction, ItemUpsert, UserUpsert

Upsert = ItemUpsert | UserUpsert

# What somebody did who is only known to have met an item.
_KIND, _VALUE = domain().positive()


@dataclass(frozen=True)
class EventLog:
    """Interactions, oldest first; about 40 bytes each, unless `originals` are kept.

    Args:
        times: (events,) Unix seconds, float64, ascending.
        users, items, sessions: (events,) int64, places in `user_ids` and `item_ids`; sessions are
            numbered in the order of their first event.
        positive: (events,) bool: clicks, purchases, good ratings.
        originals: the events as they were read; empty where the columns say all.
        upserts: of the catalogue and the accounts, oldest first.
        impressions: lists that were shown, oldest first.
        columns: what else is known of each event, such as `context.device`: (events,) text, None
            where it is missing.
    """

    times: np.ndarray
    users: np.ndarray
    items: np.ndarray
    sessions: np.ndarray
    positive: np.ndarray
    user_ids: Sequence[str]
    item_ids: Sequence[str]
    originals: Sequence[Interaction] = ()
    upserts: Sequence[Upsert] = field(default_factory=list)
    impressions: Sequence[Impression] = ()
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.times)

    def event(self, place: int) -> Interaction:
        """The interaction at `place`."""
        if self.originals:
            return self.originals[place]
        return Interaction(
            event_id=f"log-{place}",
            event_time=float(self.times[place]),
            user_id=self.user_ids[self.users[place]],
            item_id=self.item_ids[self.items[place]],
            kind=_KIND,
            value=_VALUE,
        )

    def take(self, kept: np.ndarray) -> "EventLog":
        """The interactions of a mask, (events,) bool, or at places; all upserts."""
        places = np.flatnonzero(kept) if kept.dtype == np.bool_ else kept
        originals = [self.originals[n] for n in places.tolist()] if self.originals else ()
        return replace(
            self,
            times=self.times[places],
            users=self.users[places],
            items=self.items[places],
            sessions=self.sessions[places],
            positive=self.positive[places],
            originals=originals,
            columns={name: column[places] for name, column in self.columns.items()},
        )


def compact(log: EventLog) -> EventLog:
    """The same events, with numbers for the users and items that are in them alone."""
    users, user_of = np.unique(log.users, return_inverse=True)
    items, item_of = np.unique(log.items, return_inverse=True)
    return replace(
        log,
        users=user_of,
        items=item_of,
        user_ids=[log.user_ids[n] for n in users.tolist()],
        item_ids=[log.item_ids[n] for n in items.tolist()],
    )


def with_catalogue(log: EventLog) -> EventLog:
    """The same events, with numbers also for items that are offered or shown and never met."""
    offered = [each.item_id for each in log.upserts if isinstance(each, ItemUpsert)]
    shown = [item.item_id for each in log.impressions for item in each.items]
    return replace(log, item_ids=list(dict.fromkeys([*log.item_ids, *offered, *shown])))


def hours(log: EventLog, first: float | None, end: float | None) -> EventLog:
    """The interactions and impressions of hours `first` to `end`; hour 0 begins with the log.

    The log's beginning is the full hour (UTC) of its first event.
    """
    if not len(log) or (first is None and end is None):
        return log
    hour, begin, end = hour_of(log), first or 0.0, np.inf if end is None else end
    origin_s = np.floor(log.times[0] / 3_600.0) * 3_600.0
    shown = [
        each for each in log.impressions if begin <= (each.event_time - origin_s) / 3_600.0 < end
    ]
    return replace(log.take((hour >= begin) & (hour < end)), impressions=shown)


def hour_of(log: EventLog, origin_s: float | None = None) -> np.ndarray:
    """(events,) hours since the full hour of `origin_s` (the first event), with fractions."""
    begin_s = log.times[:1] if origin_s is None else origin_s
    return (log.times - np.floor(begin_s / 3_600.0) * 3_600.0) / 3_600.0


def without_repeats(log: EventLog) -> EventLog:
    """An item counts once in a session: where it was met first."""
    key = log.sessions * np.int64(len(log.item_ids)) + log.items
    _, first = np.unique(key, return_index=True)
    return log.take(np.sort(first))


def sessions_of(log: EventLog, least: int) -> EventLog:
    """The sessions of at least so many events."""
    sizes = np.bincount(log.sessions)
    return log.take(sizes[log.sessions] >= least)


def sessions_by_gap(users: np.ndarray, times: np.ndarray, gap_s: float) -> np.ndarray:
    """(events,) a number for each session: a user's events no further apart than `gap_s` seconds.

    Args:
        times: ascending.
    """
    order = np.lexsort((times, users))
    begins = np.append(True, (np.diff(users[order]) != 0) | (np.diff(times[order]) > gap_s))
    found = np.empty(len(users), np.int64)
    found[order] = np.cumsum(begins[: len(users)]) - 1
    return found


def first_seen(log: EventLog) -> list[ItemUpsert]:
    """An upsert for each item without one: it came to be when it was first met."""
    known = {event.item_id for event in log.upserts if isinstance(event, ItemUpsert)}
    items, places = np.unique(log.items, return_index=True)
    return [
        ItemUpsert(
            event_id=f"first-seen-{log.item_ids[item]}",
            event_time=float(log.times[place]),
            item_id=log.item_ids[item],
            created_at=float(log.times[place]),
        )
        for place, item in sorted(zip(places.tolist(), items.tolist(), strict=True))
        if log.item_ids[item] not in known
    ]
