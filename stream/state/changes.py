"""Changes of a batch in memory, as writes for the store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from features.dedup import pack
from millstream import erasures
from millstream.erasures import Erasure
from stream.outputs.effects import SeenEntries, StateWrites
from stream.state.entities import Item, User, items_bytes, users_bytes
from stream.state.memory import Memory

T = TypeVar("T")

_ENCODE = msgspec.msgpack.Encoder().encode


@dataclass
class Changes:
    """Changes of a batch in memory."""

    users: dict[str, User] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    fingerprints: list[int] = field(default_factory=list)
    filters: dict[str, list[SeenEntries]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    erased: list[str] = field(default_factory=list)
    erasures: dict[str, Erasure] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    gone: dict[str, Item] = field(default_factory=dict)
    returned: set[str] = field(default_factory=set)

    def erase(self, user_id: str, erasure: Erasure) -> None:
        """Forget a user, and what the batch has changed of them so far."""
        self.erasures[user_id] = erasure
        self.users.pop(user_id, None)
        self.filters.pop(user_id, None)
        self.erased.append(user_id)

    def remove(self, item_id: str, item: Item) -> None:
        """Delete an item; `item` is what is left, for as long as its deletion is remembered."""
        self.items.pop(item_id, None)
        self.hidden.discard(item_id)
        self.shown.add(item_id)
        self.returned.discard(item_id)
        self.removed.append(item_id)
        self.gone[item_id] = item

    def bring_back(self, item_id: str) -> None:
        """Let a deleted item be there again."""
        self.gone.pop(item_id, None)
        self.returned.add(item_id)


def state_writes(memory: Memory, changes: Changes, rotated: bool, now_s: float) -> StateWrites:
    """Everything that the store must take over, all or nothing."""
    join, known_items = memory.join, memory.known_items
    _pass_time(memory, changes, now_s)
    spans, unscheduled = known_items.schedule.take_unsaved()
    forgotten = known_items.forget(now_s)
    deleted = {
        item: _ENCODE((*version, now_s))
        for item in changes.gone
        if (version := known_items.deleted.version(item))
    }
    is_compacted = known_items.compact()
    opened, attributed, closed = join.take_changes()
    return StateWrites(
        users=_bytes_of(changes.users, users_bytes),
        items=_bytes_of(changes.items, items_bytes),
        fingerprints=pack(changes.fingerprints),
        generation=memory.seen.generation,
        started_at=memory.seen.started_at or 0.0,
        rotated=rotated,
        known=known_items.items if is_compacted else known_items.take_unsaved(),
        is_compacted=is_compacted,
        holes=known_items.take_holes(),
        recent_positives=memory.recent_positives.take_unsaved(),
        removed=changes.removed,
        gone=_bytes_of(changes.gone, items_bytes),
        deleted=deleted,
        undeleted=[*changes.returned, *forgotten],
        spans={item: _ENCODE(span) for item, span in spans.items()},
        unscheduled=unscheduled,
        hidden=changes.hidden,
        shown=changes.shown,
        open_windows={request: _ENCODE(join.open_windows[request]) for request in opened},
        attributed={request: _ENCODE(join.attributed[request]) for request in attributed},
        closed=closed,
        filters=changes.filters,
        erased=changes.erased,
        erasures={user: erasures.encoded(each) for user, each in changes.erasures.items()},
        positions=dict(memory.positions),
        max_event_times=dict(memory.watermark.max_event_times),
    )


def _pass_time(memory: Memory, changes: Changes, now_s: float) -> None:
    """Show items whose time has begun, and forget those whose time is over."""
    known_items, over = memory.known_items, []
    for item_id, span in known_items.schedule.due(now_s).items():
        if span.is_over(now_s):
            over.append(item_id)
        elif span.is_open(now_s) and item_id in known_items.hidden:
            known_items.hide(item_id, hidden=False)
        else:
            continue
        changes.hidden.discard(item_id)
        changes.shown.add(item_id)
    known_items.expire(over)


def _bytes_of(changes: dict[str, T], packed: Callable[[list[T]], list[bytes]]) -> dict[str, bytes]:
    return dict(zip(changes, packed(list(changes.values())), strict=True))
