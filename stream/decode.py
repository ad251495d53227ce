"""Records to events; what does not parse, validate or make sense is refused, with the reason."""

from collections.abc import Sequence
from typing import Any

import msgspec

from features.attributes import coerced
from features.dedup import fingerprint
from features.spec import BY_NAME
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

# Ids of what probes touch begin with this: they never meet those of people and of the catalogue.
PROBE_PREFIX = "__probe"

_INTERACTION = msgspec.json.Decoder(Interaction).decode


def entries_of(
    records: Sequence[Record], now_s: float, max_future_s: float
) -> list[Sourced | Refused]:
    """`event_of` of each record."""
    latest_s = now_s + max_future_s
    return [_plain(each, latest_s) or event_of(each, now_s, max_future_s) for each in records]


def event_of(record: Record, now_s: float, max_future_s: float) -> Sourced | Refused:
    """The event in `record`, or why there is none.

    Args:
        max_future_s: a time further ahead of `now_s` is refused: it would close every window and
            stop every decay.
    """
    try:
        event = _event(record)
        if event.event_time > now_s + max_future_s:
            raise InvalidEvent(
                f"Expected a time no more than {max_future_s:g} s ahead of {now_s:.3f}. "
                f"Received: {event.event_time}",
                "$.event_time",
            )
        _check_probe(event)
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
    event = decode(record.value, KINDS[record.source.topic])
    if isinstance(event, Impression):
        _check_logged(event)
    return event


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


def _check_logged(impression: Impression) -> None:
    _check_features(impression.user_features, "$.user_features")
    for index, item in enumerate(impression.items):
        _check_features(item.features, f"$.items[{index}].features")


def _check_features(values: dict[str, Any], path: str) -> None:
    for name, value in values.items():
        if name in BY_NAME and value is not None:
            coerced(BY_NAME[name], value, f"{path}.{name}")


def _check_probe(event: Any) -> None:
    for name in ("user_id", "item_id"):
        value = getattr(event, name, None)
        if value is not None and value.startswith(PROBE_PREFIX) != event.is_probe:
            raise InvalidEvent(
                f"Expected an id that begins with {PROBE_PREFIX!r} for a probe, and for nothing "
                f"else. Received: {value!r}",
                f"$.{name}",
            )
