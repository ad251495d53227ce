"""Entries of users' seen filters: items that a recent list does not tell of, and marks."""

from collections.abc import Iterator, Sequence

import numpy as np

from features import bloom
from features.interner import ITEMS
from features.seen import ALWAYS_SEEN_KINDS, MARKS, RECENT_ARE_SEEN, entries_of
from stream.outputs.effects import SeenEntries


def overflow(
    user_ids: Sequence[str],
    kinds: Sequence[str],
    times: np.ndarray,
    items: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
) -> list[tuple[str, str | int]]:
    """(user, entry) for the filters, in the order of the events.

    An entry is an item that fell out of the list, or never fitted into it, or that a list would not
    tell of since it holds items that do not count as seen; or a mark of `features/seen.py`.

    Args:
        user_ids, kinds: of the events.
        times: (events,) Unix seconds.
        items: (events,) numbers of `features.interner`.
        before, after: (events, length) what the users had met last, before and after each event.
    """
    found: list[tuple[int, str | int]] = list(_items(kinds, items, before, after))
    if MARKS:
        found += _marks(kinds, times, items)
        found.sort(key=lambda each: each[0])
    return [(user_ids[event], entry) for event, entry in found]


def _marks(kinds: Sequence[str], times: np.ndarray, items: np.ndarray) -> Iterator[tuple[int, int]]:
    """(event, mark) of what counts as seen for a time, or by some kinds."""
    rows = zip(ITEMS.texts(items.tolist()), kinds, times.tolist(), strict=True)
    for event, (item, kind, time_s) in enumerate(rows):
        yield from ((event, entry) for entry in entries_of(item, kind, time_s, MARKS))


def _items(
    kinds: Sequence[str], items: np.ndarray, before: np.ndarray, after: np.ndarray
) -> list[tuple[int, str]]:
    """(event, item) of what counts as seen for as long as it is remembered."""
    is_seen = np.array([kind in ALWAYS_SEEN_KINDS for kind in kinds], bool)
    if not RECENT_ARE_SEEN:
        events = np.flatnonzero(is_seen)
        return list(zip(events.tolist(), ITEMS.texts(items[events].tolist()), strict=True))
    is_left_out = is_seen & ~(after == items[:, None]).any(1)
    found = [(n, -1, int(items[n])) for n in np.flatnonzero(is_left_out).tolist()]
    full = np.flatnonzero(before[:, -1:].any(1))  # the others had room
    fell = ~(before[full][:, :, None] == after[full][:, None, :]).any(2)
    for n, place in zip(*(each.tolist() for each in np.nonzero(fell)), strict=True):
        event = int(full[n])
        found.append((event, place, int(before[event, place])))
    return [(event, ITEMS.texts([item])[0]) for event, _, item in sorted(found)]


def enter(slots: list[SeenEntries], entries: int, entry: str | int) -> None:
    """Add an item, or a mark, to the filters of a user, of whom `entries` are in them already."""
    slot, begins = bloom.slot(entries), bloom.begins_slot(entries)
    if begins or not slots or slots[-1].slot != slot:
        slots.append(SeenEntries(slot, begins, []))
    slots[-1].entries.append(entry)
