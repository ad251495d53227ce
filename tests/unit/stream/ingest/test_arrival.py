"""Times ahead of the clock count as of the arrival, for whatever follows from them."""

from stream.ingest.arrival import bounded
from stream.ingest.records import SourceRecord
from tests.support.stream_cases import (
    START,
    MemoryStream,
    entry,
    event_entry,
    examples_of,
    impression,
    interaction,
    item_upsert,
    record,
)

SKEW_S = 5.0


def counted(event, arrived=0.0, now=0.0) -> float:
    """The time that counts of an event, in seconds after the start."""
    timestamp = START + arrived if arrived is not None else -0.001
    came = record(event)._replace(timestamp=timestamp)
    (found,) = bounded([event_entry(event)], [came], START + now, SKEW_S)
    return found.event.event_time - START


def test_a_time_ahead_counts_as_of_the_arrival_and_a_few_seconds():
    assert counted(interaction(3_000)) == SKEW_S
    assert counted(impression(3_000)) == SKEW_S


def test_other_times_stay_as_they_are():
    assert counted(interaction(SKEW_S)) == SKEW_S
    assert counted(interaction(-5_000)) == -5_000


def test_an_event_that_is_read_again_later_counts_as_it_did():
    assert counted(interaction(3_000), arrived=0.0, now=0.1) == SKEW_S
    assert counted(interaction(3_000), arrived=0.0, now=2_999.0) == SKEW_S


def test_a_producer_whose_own_clock_is_ahead_is_not_believed():
    assert counted(interaction(3_000), arrived=3_000.0, now=1.0) == 1.0 + SKEW_S


def test_a_record_without_a_time_came_now():
    assert counted(interaction(3_000), arrived=None, now=1.0) == 1.0 + SKEW_S


def test_upserts_keep_their_times_and_what_is_no_event_stays():
    upsert, refused = event_entry(item_upsert(3_000)), entry(b"{")
    records = [SourceRecord(upsert.source, 0, None, b"", START), refused.record]
    assert bounded([upsert, refused], records, START, SKEW_S) == [upsert, refused]


def arrive(stream: MemoryStream, *events, at: float):
    """One batch of events that come at `at`."""
    entries = [event_entry(event, 0, int(1_000 * at) + n) for n, event in enumerate(events)]
    records = [record(event)._replace(timestamp=START + at) for event in events]
    return stream.run_entries(bounded(entries, records, START + at, SKEW_S), at)


def test_events_of_a_fast_clock_close_no_window_of_others():
    stream = MemoryStream(join_window_s=60.0, sampled_negatives=0)
    arrive(stream, *(interaction(3_500, "fast", f"i{n}", kind="view") for n in range(8)), at=0.0)
    shown = arrive(stream, impression(2, items=["i1", "i2"]), at=2.0)
    clicked = arrive(stream, interaction(11, "u1", "i1", request_id="r1"), at=11.0)
    assert examples_of(shown, "impressions") == []
    assert clicked.counts == {("interactions", "joined"): 1}


def test_events_of_a_fast_clock_make_nobody_late():
    stream = MemoryStream(sampled_negatives=0)
    arrive(stream, *(interaction(3_000 + n, f"f{n}", "i1", kind="view") for n in range(20)), at=0.0)
    liked = arrive(stream, interaction(1, "u1", "i1", kind="like"), at=1.0)
    assert liked.counts == {("interactions", "organic"): 1}
