"""Seen items that a user's recent list does not tell of: they go into the user's filter."""

from collections.abc import Sequence

import numpy as np

from features import bloom
from features.interner import ITEMS
from features.seen import RECENT_ARE_SEEN, SEEN_KINDS
from stream.outputs.effects import SeenEntries


def overflow(
    user_ids: Sequence[str],
    kinds: Sequence[str],
    items: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
) -> list[tuple[str, str]]:
    """(user, item) for the filters, in the order of the events.

    They fell out of the list, or never fitted into it; or it holds items that do not count as seen.

    Args:
        user_ids, kinds: of the events.
        items: (events,) numbers of `features.interner`.
        before, after: (events, length) what the users had met last, before and after each event.
    """
    if not RECENT_ARE_SEEN:
        own = ITEMS.texts(items.tolist())
        triples = zip(user_ids, own, kinds, strict=True)
        return [(user, item) for user, item, kind in triples if kind in SEEN_KINDS]
    is_seen = np.array([kind in SEEN_KINDS for kind in kinds])
    is_left_out = is_seen & ~(after == items[:, None]).any(1)
    found = [(n, -1, int(items[n])) for n in np.flatnonzero(is_left_out).tolist()]
    full = np.flatnonzero(before[:, -1:].any(1))  # the others had room
    fell = ~(before[full][:, :, None] == after[full][:, None, :]).any(2)
    for n, place in zip(*(each.tolist() for each in np.nonzero(fell)), strict=True):
        event = int(full[n])
        found.append((event, place, int(before[event, place])))
    return [(user_ids[event], ITEMS.texts([item])[0]) for event, _, item in sorted(found)]


def enter(slots: list[SeenEntries], entries: int, item: str) -> None:
    """Add an item to the filters of a user, of whom `entries` are in them already."""
    slot, begins = bloom.slot(entries), bloom.begins_slot(entries)
    if begins or not slots or slots[-1].slot != slot:
        slots.append(SeenEntries(slot, begins, []))
    slots[-1].items.append(item)
