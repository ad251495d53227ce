"""Records with their offsets, and the events decoded from them."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from millstream.dead_letters import DeadLetter
from millstream.events import Event, ItemUpsert, UserUpsert
from millstream.partitioning import Origin


class TopicPartition(NamedTuple):
    """A partition that is read; `topic` is without the installation's prefix."""

    topic: str
    partition: int


class SourceRecord(NamedTuple):
    """One message as it came.

    Args:
        timestamp: the broker's, Unix seconds; of a message that was moved, that of its origin.
        origin: where it lay before it was moved to the partition of its key.
    """

    source: TopicPartition
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: float = 0.0
    origin: Origin | None = None


class UserDeletion(Event, frozen=True, kw_only=True, tag="user-deletion", gc=False):
    """A user is to be forgotten: a message of `users` without a value."""

    user_id: str

    @classmethod
    def of(cls, upsert: UserUpsert) -> "UserDeletion":
        """The deletion of the user of `upsert`."""
        return cls(event_id=upsert.event_id, event_time=upsert.event_time, user_id=upsert.user_id)


class ItemDeletion(Event, frozen=True, kw_only=True, tag="item-deletion", gc=False):
    """An item is to be taken out: a message of `items` without a value."""

    item_id: str

    @classmethod
    def of(cls, upsert: ItemUpsert) -> "ItemDeletion":
        """The deletion of the item of `upsert`."""
        return cls(event_id=upsert.event_id, event_time=upsert.event_time, item_id=upsert.item_id)


class EventRecord(NamedTuple):
    """An event and where it came from.

    Args:
        event: one of `millstream.events`, a `UserDeletion` or an `ItemDeletion`.
        fingerprint: the fingerprint of its id.
    """

    source: TopicPartition
    offset: int
    event: Any
    fingerprint: int
    value: bytes


class TouchesRecord(NamedTuple):
    """Touches as they came, see `stream/processing/touches.py`.

    Args:
        log: which log of interactions their positions are of; "" is not known.
        erased: users that are erased after them, and when.
        by: partitions of users that the worker had which made them, where others had more.
        has_more: whether that worker had a backlog then.
    """

    source: TopicPartition
    offset: int
    table: pa.Table
    log: str = ""
    erased: tuple[list[str], float] = ([], 0.0)
    by: tuple[int, ...] = ()
    has_more: bool = False


@dataclass(frozen=True)
class _ReadRecord:
    """Something made of a record, with its place."""

    record: SourceRecord

    @property
    def source(self) -> TopicPartition:
        """Partition that the record was read from."""
        return self.record.source

    @property
    def offset(self) -> int:
        """Offset of the record."""
        return self.record.offset


@dataclass(frozen=True)
class StrayRecord(_ReadRecord):
    """An event that lies in another partition than its user's.

    Args:
        event: see `EventRecord`.
        partition: of its user.
    """

    event: Any
    partition: int

    @property
    def origin(self) -> Origin:
        """Where the event lay at first."""
        record = self.record
        return record.origin or Origin(record.source.partition, record.offset, record.timestamp)


@dataclass(frozen=True)
class InvalidRecord(_ReadRecord):
    """A record that is no event, and why."""

    reason: str
    path: str

    def letter(self, now_s: float) -> DeadLetter:
        """The dead letter for it."""
        record = self.record
        return DeadLetter(
            reason=self.reason,
            path=self.path,
            topic=self.source.topic,
            partition=self.source.partition,
            offset=self.offset,
            key=record.key,
            original=record.value,
            failed_at=now_s,
        )
