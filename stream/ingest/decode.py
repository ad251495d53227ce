"""Records to events; what does not parse, validate or make sense is refused, with the reason."""

from collections.abc import Sequence

import msgspec

from features import topic_events
from features.dedup import fingerprint
from features.topic_events import STRICT, Door, TopicMessage
from features.validation import MAX_FUTURE_S, PROBE_PREFIX
from millstream.batches import decode_table, metadata_of
from millstream.codec import lacks_value
from millstream.erasures import erased_of
from millstream.errors import InvalidEvent
from millstream.events import Interaction, UserUpsert
from millstream.topics import INTERACTIONS
from stream.ingest.records import (
    EventRecord,
    InvalidRecord,
    ItemDeletion,
    SourceRecord,
    TouchesRecord,
    UserDeletion,
)
from stream.processing.touches import current

_INTERACTION = msgspec.json.Decoder(Interaction).decode


def touches_record(record: SourceRecord) -> TouchesRecord | InvalidRecord:
    """The touches in a record of theirs, or why there are none."""
    try:
        table = decode_table(record.value or b"")
        metadata = metadata_of(table)
        log, erased = metadata.get("source_log", ""), erased_of(metadata)
        if not erased[0]:
            table = current(table)
        by = tuple(int(each) for each in metadata.get("by", "").split(",") if each)
        has_more = "has_more" in metadata
        return TouchesRecord(record.source, record.offset, table, log, erased, by, has_more)
    except InvalidEvent as error:
        return InvalidRecord(record, error.reason, error.path)
    except Exception as error:  # the fault of this record, and of no other
        return InvalidRecord(record, f"Expected touches. Received: {error!r}", "$")


def entries_of(
    records: Sequence[SourceRecord], now_s: float, door: Door = STRICT
) -> list[EventRecord | InvalidRecord]:
    """`event_of` of each record; whatever one of them is costs none of the others."""
    latest_s, most = now_s + MAX_FUTURE_S, door.max_event_bytes
    return [_plain(each, latest_s, most) or event_of(each, now_s, door) for each in records]


def event_of(
    record: SourceRecord, now_s: float, door: Door = STRICT
) -> EventRecord | InvalidRecord:
    """The event in `record`, or why there is none.

    Args:
        now_s: Unix seconds, by the clock.
    """
    try:
        event = topic_events.event_of(_message(record), now_s, door)
        if record.value is None:
            is_user = isinstance(event, UserUpsert)
            event = UserDeletion.of(event) if is_user else ItemDeletion.of(event)
        id_fingerprint = fingerprint(event.event_id)
        return EventRecord(record.source, record.offset, event, id_fingerprint, record.value or b"")
    except InvalidEvent as error:
        return InvalidRecord(record, error.reason, error.path)
    except Exception as error:  # the fault of this record, and of no other
        return InvalidRecord(record, f"Expected an event. Received: {error!r}", "$")


def _plain(record: SourceRecord, latest_s: float, max_event_bytes: int) -> EventRecord | None:
    """Fast path for canonical interactions; None leaves the record to `event_of`."""
    source, offset, _, value, *_ = record
    if value is None or source.topic != INTERACTIONS.name or len(value) > max_event_bytes:
        return None
    event = plain_interaction(value, latest_s)
    if event is None:
        return None
    return EventRecord(source, offset, event, fingerprint(event.event_id), value)


def plain_interaction(value: bytes, latest_s: float) -> Interaction | None:
    """The interaction in `value`, where nothing has to be filled in or looked at twice."""
    try:
        event = _INTERACTION(value)
    except Exception:  # `event_of` says what is wrong
        return None
    is_plain = (
        event.event_time <= latest_s
        and not event.is_probe
        and not lacks_value(event)
        and not event.user_id.startswith(PROBE_PREFIX)
        and not event.item_id.startswith(PROBE_PREFIX)
    )
    return event if is_plain else None


def _message(record: SourceRecord) -> TopicMessage:
    (topic, partition), offset = record.source, record.offset
    if record.origin is not None:  # it is the same event, with the same defaults
        partition, offset = record.origin.partition, record.origin.offset
    return TopicMessage(topic, partition, offset, record.timestamp, record.key, record.value)
