"""Records to events; what does not parse, validate or make sense is refused, with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from features.dedup import fingerprint
from features.validation import MAX_FUTURE_S, PROBE_PREFIX, check_content, check_size
from millstream.codec import OnUnknown, decode, from_object, lacks_rating, record_defaults
from millstream.errors import InvalidEvent
from millstream.events import (
    MAX_EVENT_BYTES,
    Impression,
    Interaction,
    ItemUpsert,
    UserUpsert,
)
from millstream.topics import IMPRESSIONS, INTERACTIONS, ITEMS, USERS
from stream.records import Record, Refused, Sourced, UserDeletion

KINDS: dict[str, Any] = {
    INTERACTIONS.name: Interaction,
    IMPRESSIONS.name: Impression,
    ITEMS.name: ItemUpsert,
    USERS.name: UserUpsert,
}

_INTERACTION = msgspec.json.Decoder(Interaction).decode


@dataclass(frozen=True)
class Door:
    """The settings of what is let in.

    Args:
        max_event_bytes: of a message.
        on_unknown: takes the paths of fields and attributes that nothing takes; None makes them an
            error.
    """

    max_event_bytes: int = MAX_EVENT_BYTES
    on_unknown: OnUnknown | None = None


STRICT = Door()


def entries_of(
    records: Sequence[Record], now_s: float, door: Door = STRICT
) -> list[Sourced | Refused]:
    """`event_of` of each record; whatever one of them is costs none of the others."""
    latest_s, most = now_s + MAX_FUTURE_S, door.max_event_bytes
    return [_plain(each, latest_s, most) or event_of(each, now_s, door) for each in records]


def event_of(record: Record, now_s: float, door: Door = STRICT) -> Sourced | Refused:
    """The event in `record`, or why there is none.

    Args:
        now_s: Unix seconds, by the clock.
    """
    try:
        event = _event(record, door)
        check_content(event, now_s, door.on_unknown)
        if record.value is None and isinstance(event, UserUpsert):
            event = UserDeletion.of(event)
        mark = fingerprint(event.event_id)
        return Sourced(record.source, record.offset, event, mark, record.value or b"")
    except InvalidEvent as error:
        return Refused(record, error.reason, error.path)
    except Exception as error:  # the fault of this record, and of no other
        return Refused(record, f"Expected an event. Received: {error!r}", "$")


def _plain(record: Record, latest_s: float, max_event_bytes: int) -> Sourced | None:
    """Fast path for canonical interactions; None leaves the record to `event_of`."""
    source, offset, _, value, _ = record
    if value is None or source.topic != INTERACTIONS.name or len(value) > max_event_bytes:
        return None
    try:
        event = _INTERACTION(value)
    except Exception:  # `event_of` says what is wrong
        return None
    is_plain = (
        event.event_time <= latest_s
        and not event.is_probe
        and not lacks_rating(event)
        and not event.user_id.startswith(PROBE_PREFIX)
        and not event.item_id.startswith(PROBE_PREFIX)
    )
    return Sourced(source, offset, event, fingerprint(event.event_id), value) if is_plain else None


def _event(record: Record, door: Door) -> Any:
    topic, partition = record.source
    if record.value is None:
        return _deletion(record)
    check_size(len(record.value), door.max_event_bytes)
    missing = record_defaults(topic, partition, record.offset, record.timestamp)
    return decode(record.value, KINDS[topic], missing, door.on_unknown)


def _deletion(record: Record) -> Any:
    """A message without a value takes its key out of a compacted topic.

    An item is hidden; the upsert of a user, without any attributes, becomes a `UserDeletion`.
    """
    topic, partition = record.source
    defaults = record_defaults(f"deletion:{topic}", partition, record.offset, record.timestamp)
    key = _key(record)
    if topic == ITEMS.name and key:
        return from_object({**defaults, "item_id": key, "hidden": True}, ItemUpsert)
    if topic == USERS.name and key:
        return from_object({**defaults, "user_id": key}, UserUpsert)
    raise InvalidEvent("Expected an event as JSON. Received: a message without a value")


def _key(record: Record) -> str:
    try:
        return (record.key or b"").decode()
    except UnicodeDecodeError as error:
        raise InvalidEvent(
            "Expected the key of a message without a value to be an id. "
            "Received: bytes that are not UTF-8"
        ) from error
