"""What a chunk is, and what may be committed of chunks that are not all worked on."""

import asyncio
from collections import defaultdict
from types import SimpleNamespace

import pytest
from aiokafka import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from intervaltree import IntervalTree

from stream.ingest import transport
from stream.ingest.transport import ChunkConsumer, ChunkSchema

SOURCE, CHANGELOG = TP("events", 0), TP("app-counts-changelog", 0)


def records(first: int, last: int, tp: TP = SOURCE) -> list[ConsumerRecord]:
    return [
        ConsumerRecord(tp.topic, tp.partition, offset, 1_000, 0, b"k", b"v", None, 1, 1, ())
        for offset in range(first, last + 1)
    ]


@pytest.fixture
def consumer() -> ChunkConsumer:
    """One without a broker: only what counts offsets."""
    made = object.__new__(ChunkConsumer)
    made.app = SimpleNamespace(
        consumer_generation_id=7,
        tables=SimpleNamespace(changelog_topics={CHANGELOG.topic}),
        topics=SimpleNamespace(acks_enabled_for=lambda topic: True),
    )
    made._held, made._begins = set(), {}
    made._ends, made.era = {}, 0
    made._reading = asyncio.Lock()
    made._gap = defaultdict(IntervalTree)
    made._acked, made._acked_index = defaultdict(list), defaultdict(set)
    made._committed_offset = defaultdict(lambda: None, {SOURCE: 1})
    made._unacked_messages, made._n_acked, made._waiting_for_ack = set(), 0, None
    return made


def fetching(monkeypatch, fetched) -> list[tuple[set[TP], float]]:
    """Let the driver fetch `fetched`; what it is asked for."""
    asked = []

    async def getmany(self, active_partitions, timeout):  # noqa: ASYNC109
        asked.append((active_partitions, timeout))
        return fetched

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    return asked


async def test_a_fetch_is_one_message_and_changelogs_stay_per_record(consumer, monkeypatch):
    fetched = {SOURCE: records(0, 9), CHANGELOG: records(0, 2, CHANGELOG), TP("events", 1): []}
    fetching(monkeypatch, fetched)
    found = await consumer._getmany({SOURCE, CHANGELOG}, 1.0)
    assert found == {SOURCE: [fetched[SOURCE]], CHANGELOG: fetched[CHANGELOG]}


async def test_a_log_that_goes_back_is_another_one_and_is_read_from_where_the_store_says(
    consumer, monkeypatch
):
    sought = []

    async def perform_seek():
        sought.append(1)

    monkeypatch.setattr(consumer, "perform_seek", perform_seek)
    for first, last in ((5, 9), (10, 12), (20, 21)):  # a gap is none: a log may be compacted
        fetching(monkeypatch, {SOURCE: records(first, last)})
        assert await consumer._getmany({SOURCE}, 1.0)
    assert sought == []
    fetching(monkeypatch, {SOURCE: records(0, 30)})
    assert await consumer._getmany({SOURCE}, 1.0) == {}
    assert sought == [1]
    assert await consumer._getmany({SOURCE}, 1.0), "read anew, it is as good as any"


async def test_a_held_partition_is_not_fetched_and_the_others_are_looked_at_often(
    consumer, monkeypatch
):
    asked = fetching(monkeypatch, {})
    consumer.hold(SOURCE)
    await consumer._getmany({SOURCE, CHANGELOG}, 1.0)
    await consumer._getmany({SOURCE}, 1.0)
    consumer.release(SOURCE)
    await consumer._getmany({SOURCE}, 1.0)
    assert asked == [({CHANGELOG}, transport.HELD_POLL_S), ({SOURCE}, transport.POLL_S)]


async def test_positions_are_sought_after_the_fetch_under_way_which_would_miss_records_else(
    consumer, monkeypatch
):
    log = SimpleNamespace(position=0, ends=9)  # a broker's log, and where the driver reads on
    fetches = asyncio.Event()

    async def getmany(self, active_partitions, timeout):  # noqa: ASYNC109
        fetches.set()
        await asyncio.sleep(0.01)  # the broker has nothing at first
        begin, log.position = log.position, log.ends + 1
        return {SOURCE: records(begin, log.ends)} if begin <= log.ends else {}

    async def committed(self):
        return {SOURCE: 3}

    async def seek(tp, offset):
        log.position = offset

    async def positions(ends):
        return dict.fromkeys(ends, 4)

    async def highwaters(*partitions):
        return dict.fromkeys(partitions, 10)

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    monkeypatch.setattr(driver.Consumer, "seek_to_committed", committed)
    monkeypatch.setattr(consumer, "_seek", seek)
    monkeypatch.setattr(consumer, "highwaters", highwaters)
    monkeypatch.setattr(consumer, "assignment", lambda: {SOURCE})
    consumer.transport = SimpleNamespace(positions=positions)

    under_way = asyncio.create_task(consumer._getmany({SOURCE}, 1.0))
    await fetches.wait()
    assert await consumer.seek_to_committed() == {SOURCE: 4}
    (before,) = (await under_way)[SOURCE]
    (after,) = (await consumer._getmany({SOURCE}, 1.0))[SOURCE]
    assert before.era < consumer.era, "of before the assignment: nobody takes it"
    assert after.era == consumer.era
    assert [after[0].offset, after[-1].offset, after.after] == [4, 9, 4]


def test_a_chunk_s_message_has_the_records_and_the_last_one_s_offset(consumer):
    chunk = records(3, 8)
    message = consumer._to_message(SOURCE, chunk)
    assert (message.offset, message.value, message.key) == (8, chunk, None)
    assert ChunkSchema().loads_value(None, message) is chunk


def test_a_record_of_a_changelog_is_a_message_as_ever(consumer):
    message = consumer._to_message(CHANGELOG, records(3, 3, CHANGELOG)[0])
    assert (message.offset, message.value, message.key) == (3, b"v", b"k")


async def arrive(consumer: ChunkConsumer, first: int, last: int) -> ConsumerMessage:
    """A chunk as the drain of Faust's consumer notes it."""
    await consumer._add_gap(SOURCE, first, last)
    return consumer._to_message(SOURCE, records(first, last))


async def test_chunks_that_are_done_are_committed_with_all_their_offsets(consumer):
    for chunk in [await arrive(consumer, 1, 9), await arrive(consumer, 10, 19)]:
        assert consumer.ack(chunk)
    assert consumer._new_offset(SOURCE) == 20


async def test_a_chunk_that_waits_is_not_committed_by_a_later_one(consumer):
    first, second, third = [await arrive(consumer, begin, begin + 9) for begin in (1, 11, 21)]
    consumer.ack(first)
    consumer.ack(third)
    assert consumer._new_offset(SOURCE) == 11
    consumer._committed_offset[SOURCE] = 11
    consumer.ack(second)
    assert consumer._new_offset(SOURCE) == 31


async def test_offsets_that_the_broker_left_out_do_not_stop_the_commits(consumer):
    chunk = await arrive(consumer, 1, 50)
    chunk.value = [record for record in chunk.value if record.offset % 7 == 1]
    consumer.ack(chunk)
    assert consumer._new_offset(SOURCE) == 51
