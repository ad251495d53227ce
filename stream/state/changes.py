"""What a batch has changed in memory, as writes for the store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from features.dedup import pack
from stream.outputs.effects import SeenEntries, StateWrites
from stream.state.entities import Item, User, items_bytes, users_bytes
from stream.state.memory import Memory

T = TypeVar("T")

_ENCODE = msgspec.msgpack.Encoder().encode


@dataclass
class Touched:
    """What a batch has changed in memory."""

    users: dict[str, User] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    fingerprints: list[int] = field(default_factory=list)
    filters: dict[str, list[SeenEntries]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    erased: list[str] = field(default_factory=list)

    def erase(self, user_id: str) -> None:
        """Forget a user, and what the batch has changed of them so far."""
        self.users.pop(user_id, None)
        self.filters.pop(user_id, None)
        self.erased.append(user_id)


def state_writes(memory: Memory, touched: Touched, rotated: bool) -> StateWrites:
    """Everything that the store must take over, all or nothing."""
    join = memory.join
    opened, attributed, closed = join.take_changes()
    return StateWrites(
        users=_bytes_of(touched.users, users_bytes),
        items=_bytes_of(touched.items, items_bytes),
        fingerprints=pack(touched.fingerprints),
        generation=memory.seen.generation,
        started_at=memory.seen.started_at or 0.0,
        rotated=rotated,
        known=memory.known_items.take_unsaved(),
        hidden=touched.hidden,
        shown=touched.shown,
        open_windows={request: _ENCODE(join.open_windows[request]) for request in opened},
        attributed={request: _ENCODE(join.attributed[request]) for request in attributed},
        closed=closed,
        filters=touched.filters,
        erased=touched.erased,
        positions=dict(memory.positions),
        max_event_times=dict(memory.watermark.max_event_times),
    )


def _bytes_of(touched: dict[str, T], packed: Callable[[list[T]], list[bytes]]) -> dict[str, bytes]:
    return dict(zip(touched, packed(list(touched.values())), strict=True))
