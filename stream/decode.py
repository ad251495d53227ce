"""Records to events; what does not parse, validate or make sense is refused, with the reason."""

from collections.abc import Sequence
from typing import Any

import msgspec

from features.dedup import fingerprint
from features.validation import MAX_FUTURE_S, PROBE_PREFIX, check
from millstream.codec import decode, lacks_rating
from millstream.errors import InvalidEvent
from millstream.events import Impression, Interaction, ItemUpsert, UserUpsert
from millstream.topics import IMPRESSIONS, INTERACTIONS, ITEMS, USERS
from stream.records import Record, Refused, Sourced

KINDS: dict[str, Any] = {
    INTERACTIONS.name: Interaction,
    IMPRESSIONS.name: Impression,
    ITEMS.name: ItemUpsert,
    USERS.name: UserUpsert,
}

_INTERACTION = msgspec.json.Decoder(Interaction).decode


def entries_of(records: Sequence[Record], now_s: float) -> list[Sourced | Refused]:
    """`event_of` of each record."""
    latest_s = now_s + MAX_FUTURE_S
    return [_plain(each, latest_s) or event_of(each, now_s) for each in records]


def event_of(record: Record, now_s: float) -> Sourced | Refused:
    """The event in `record`, or why there is none.

    Args:
        now_s: Unix seconds, by the clock.
    """
    try:
        event = _event(record)
        check(event, now_s)
    except InvalidEvent as error:
        return Refused(record, error.reason, error.path)
    mark = fingerprint(event.event_id)
    return Sourced(record.source, record.offset, event, mark, record.value or b"")


def _plain(record: Record, latest_s: float) -> Sourced | None:
    """The same for most of what comes, without a second look: what people did, well written."""
    source, offset, _, value, _ = record
    if value is None or source.topic != INTERACTIONS.name:
        return None
    try:
        event = _INTERACTION(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    is_plain = (
        event.event_time <= latest_s
        and not event.is_probe
        and not lacks_rating(event)
        and not event.user_id.startswith(PROBE_PREFIX)
        and not event.item_id.startswith(PROBE_PREFIX)
    )
    return Sourced(source, offset, event, fingerprint(event.event_id), value) if is_plain else None


def _event(record: Record) -> Any:
    if record.value is None:
        return _deletion(record)
    return decode(record.value, KINDS[record.source.topic])


def _deletion(record: Record) -> ItemUpsert:
    """A message without a value takes an item out of a compacted topic: it is hidden."""
    if record.source.topic != ITEMS.name or not record.key:
        raise InvalidEvent("Expected an event as JSON. Received: a message without a value")
    item_id = record.key.decode(errors="replace")
    return ItemUpsert(
        event_id=f"deletion:{record.source.partition}:{record.offset}",
        event_time=record.timestamp,
        item_id=item_id,
        hidden=True,
    )
