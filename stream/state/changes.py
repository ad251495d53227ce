"""Changes of a batch in memory, as writes for the store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from features.dedup import pack
from millstream import erasures
from millstream.erasures import Erasure
from millstream.topics import IMPRESSIONS, TOUCHES
from stream.ingest.records import TopicPartition
from stream.outputs.effects import SeenEntries, StateWrites
from stream.state.entities import Item, User, items_bytes, users_bytes
from stream.state.memory import Memory
from stream.state.shards import shard_of
from stream.state.watermark import CLOCK

T = TypeVar("T")

_ENCODE = msgspec.msgpack.Encoder().encode


@dataclass
class Changes:
    """Changes of a batch in memory."""

    users: dict[str, User] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    fingerprints: dict[TopicPartition, list[int]] = field(default_factory=dict)
    filters: dict[str, list[SeenEntries]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    erased: list[str] = field(default_factory=list)
    erasures: dict[str, Erasure] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    gone: dict[str, Item] = field(default_factory=dict)
    returned: set[str] = field(default_factory=set)
    asked: dict[tuple[str, int], int] = field(default_factory=dict)

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
    fingerprints = _fingerprints(memory, changes)
    generations = {s: n for s, n in memory.generations.items() if rotated or s in fingerprints}
    return StateWrites(
        users=_bytes_of(changes.users, users_bytes),
        items=_bytes_of(changes.items, items_bytes),
        fingerprints=fingerprints,
        generations=generations,
        started_at=memory.seen.started_at or 0.0,
        rotated=rotated,
        common_generation=_over(memory, rotated),
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
        attributed={request: _ENCODE(join.stored(request)) for request in attributed},
        closed=closed,
        filters=changes.filters,
        erased=changes.erased,
        erasures={user: erasures.encoded(each) for user, each in changes.erasures.items()},
        positions=dict(memory.positions),
        max_event_times=reached(memory),
        asked=changes.asked,
        touched=dict(memory.touched),
    )


def reached(memory: Memory) -> dict[TopicPartition, float]:
    """The newest event time of every partition, and of its touches; the clock by partition."""
    found = {
        TopicPartition(TOUCHES.name, source.partition): time_s
        for source, time_s in memory.item_clock.max_event_times.items()
    }
    found |= memory.watermark.max_event_times
    clock_s = found.pop(CLOCK, None)
    if clock_s is not None:
        lists = (s.partition for s in memory.positions if s.topic == IMPRESSIONS.name)
        found |= {TopicPartition(CLOCK.topic, partition): clock_s for partition in lists}
    return found


def _fingerprints(memory: Memory, changes: Changes) -> dict[str, bytes]:
    """New fingerprints by shard, packed."""
    found: dict[str, list[int]] = {}
    for source, fingerprints in changes.fingerprints.items():
        found.setdefault(shard_of(source), []).extend(fingerprints)
    for shard in found:
        memory.generations.setdefault(shard, 0)
    return {shard: pack(fingerprints) for shard, fingerprints in found.items()}


def _over(memory: Memory, rotated: bool) -> int | None:
    """The generation of event ids of all shards, when it is the one before the last for some."""
    if not rotated or max(memory.generations.values(), default=0) < 2:
        return None
    found, memory.common_generation = memory.common_generation, None
    return found


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
