"""Messages of the event topics to checked events: the same reader in the stream and in serving."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from features.validation import check_content, check_size
from millstream.codec import OnUnknown, decode, from_object, record_defaults
from millstream.errors import InvalidEvent
from millstream.events import MAX_EVENT_BYTES, Impression, Interaction, ItemUpsert, UserUpsert
from millstream.topics import IMPRESSIONS, INTERACTIONS, ITEMS, USERS

KINDS: dict[str, Any] = {
    INTERACTIONS.name: Interaction,
    IMPRESSIONS.name: Impression,
    ITEMS.name: ItemUpsert,
    USERS.name: UserUpsert,
}


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


def door(
    max_event_bytes: int, unknown_fields: str, unknown: Callable[[list[str]], object] | None = None
) -> Door:
    """The door that settings describe.

    Args:
        unknown_fields: `error` or `warn`.
        unknown: told the paths of what nothing takes, where that is no error.
    """
    is_strict = unknown_fields == "error"
    return Door(max_event_bytes, None if is_strict else unknown or _unheard)


def _unheard(paths: list[str]) -> None:
    del paths


class TopicMessage(NamedTuple):
    """A message as it lies in a topic.

    Args:
        topic: without the installation's prefix.
        timestamp_s: of the message, Unix seconds.
    """

    topic: str
    partition: int
    offset: int
    timestamp_s: float
    key: bytes | None
    value: bytes | None


def event_of(message: TopicMessage, now_s: float, door: Door = STRICT) -> Any:
    """The checked event in `message`; without a value it takes its key out of a compacted topic.

    Such an item is an upsert that hides it; such a user an upsert without any attributes.

    Args:
        now_s: Unix seconds, by the clock.

    Raises:
        InvalidEvent: with the path of what is wrong.
    """
    event = _deletion(message) if message.value is None else _decoded(message, message.value, door)
    check_content(event, now_s, door.on_unknown)
    return event


def _decoded(message: TopicMessage, value: bytes, door: Door) -> Any:
    check_size(len(value), door.max_event_bytes)
    missing = record_defaults(message.topic, message.partition, message.offset, message.timestamp_s)
    return decode(value, KINDS[message.topic], missing, door.on_unknown)


def _deletion(message: TopicMessage) -> Any:
    topic, key = message.topic, _key(message)
    defaults = record_defaults(
        f"deletion:{topic}", message.partition, message.offset, message.timestamp_s
    )
    if topic == ITEMS.name and key:
        return from_object({**defaults, "item_id": key, "hidden": True}, ItemUpsert)
    if topic == USERS.name and key:
        return from_object({**defaults, "user_id": key}, UserUpsert)
    raise InvalidEvent("Expected an event as JSON. Received: a message without a value")


def _key(message: TopicMessage) -> str:
    try:
        return (message.key or b"").decode()
    except UnicodeDecodeError as error:
        raise InvalidEvent(
            "Expected the key of a message without a value to be an id. "
            "Received: bytes that are not UTF-8"
        ) from error
