"""Event times as they count: never ahead of the event's arrival by more than a few seconds.

A device whose clock is ahead would otherwise move the watermark, close the windows of others and
make what they do late. The arrival is the time of Kafka's record, which is the same when it is read
again: the broker's where the topic has `message.timestamp.type=LogAppendTime` (those have it that
Millstream creates), else the producer's, which may have a wrong clock itself and is believed no
further than the reader's own.

Upserts keep their times: which of two holds follows from what they say (`features/upserts.py`).
"""

from collections.abc import Sequence

import msgspec

from stream.ingest.records import EventRecord, InvalidRecord, SourceRecord
from stream.state.watermark import TIMED


def bounded(
    entries: Sequence[EventRecord | InvalidRecord],
    records: Sequence[SourceRecord],
    now_s: float,
    skew_s: float,
) -> list[EventRecord | InvalidRecord]:
    """The entries, with times no more than `skew_s` ahead of their arrival.

    Args:
        records: that the entries were made of, one each.
        now_s: Unix seconds, by the clock.
    """
    latest_s = now_s + skew_s
    return [
        entry
        if type(entry) is EventRecord
        and entry.event.event_time <= latest_s
        and entry.event.event_time <= record.timestamp + skew_s  # most of them
        else _held_back(entry, _arrival(record, now_s) + skew_s)
        for entry, record in zip(entries, records, strict=True)
    ]


def _arrival(record: SourceRecord, now_s: float) -> float:
    """When a record came; one without a time came now."""
    return min(record.timestamp, now_s) if record.timestamp > 0.0 else now_s


def _held_back(entry: EventRecord | InvalidRecord, latest_s: float) -> EventRecord | InvalidRecord:
    if type(entry) is not EventRecord or entry.source.topic not in TIMED:
        return entry
    if entry.event.event_time <= latest_s:
        return entry
    return entry._replace(event=msgspec.structs.replace(entry.event, event_time=latest_s))
