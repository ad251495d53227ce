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
from stream.ingest.chunk import ChunkSchema
from stream.ingest.transport import ChunkConsumer

SOURCE, CHANGELOG = TP("events", 0), TP("app-counts-changelog", 0)
SUNK = TP("features", 0)  # the store knows no position of it


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
    made._ends, made._asked_again, made.era = {}, {}, 0
    made._reading, made._asking = asyncio.Lock(), None
    made._is_assigned = made._is_sought = True
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
        consumer._is_sought, consumer._ends = True, {}

    monkeypatch.setattr(consumer, "perform_seek", perform_seek)
    for first, last in ((5, 9), (10, 12)):
        fetching(monkeypatch, {SOURCE: records(first, last)})
        assert await consumer._getmany({SOURCE}, 1.0)
    assert sought == []
    fetching(monkeypatch, {SOURCE: records(0, 30)})
    assert await consumer._getmany({SOURCE}, 1.0) == {}
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


class Log:
    """A broker's log of one partition, and the position from which the driver reads on.

    Args:
        offsets: that it has.
        known: the position that the store knows.
    """

    def __init__(self, offsets: range | list[int], known: int = 4) -> None:
        self.offsets, self.known, self.position = offsets, known, 0
        self.asked = 0
        self.fetches, self.asks, self.answers = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.answers.set()

    async def positions(self, ends):
        """What the store knows, when it answers."""
        self.asked += 1
        self.asks.set()
        await self.answers.wait()
        return dict.fromkeys(ends.keys() - {SUNK}, self.known)

    async def revoked(self):
        """Nothing is worked on."""


def reading(monkeypatch, consumer, log: Log) -> None:
    """Let the driver read `log`."""

    async def getmany(self, active_partitions, timeout):  # noqa: ASYNC109
        log.fetches.set()
        await asyncio.sleep(0.01)  # the broker has nothing at first
        found = [offset for offset in log.offsets if offset >= log.position]
        log.position = found[-1] + 1 if found else log.position
        return {SOURCE: [records(offset, offset)[0] for offset in found]} if found else {}

    async def committed(tps):
        return dict.fromkeys(tps, 3)

    async def seek_wait(positions):
        log.position = positions[SOURCE]

    async def highwaters(*partitions):
        return dict.fromkeys(partitions, 10)

    async def of_faust(self, *assignment):
        """Faust's part of a rebalance."""

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    monkeypatch.setattr(driver.Consumer, "on_partitions_revoked", of_faust)
    monkeypatch.setattr(driver.Consumer, "on_partitions_assigned", of_faust)
    monkeypatch.setattr(consumer, "seek_wait", seek_wait)
    monkeypatch.setattr(consumer, "highwaters", highwaters)
    monkeypatch.setattr(consumer, "assignment", lambda: {SOURCE, SUNK})
    consumer._thread = SimpleNamespace(seek_committed=committed)
    consumer.transport, consumer._read_offset = log, {}


async def test_positions_are_sought_after_the_fetch_under_way_which_would_miss_records_else(
    consumer, monkeypatch
):
    log = Log(range(10))
    reading(monkeypatch, consumer, log)
    under_way = asyncio.create_task(consumer._getmany({SOURCE}, 1.0))
    await log.fetches.wait()
    await consumer.on_partitions_assigned({SOURCE})
    assert await consumer.seek_to_committed() == {SOURCE: 4, SUNK: 3}
    assert await under_way == {}, "of before the assignment"
    (chunk,) = (await consumer._getmany({SOURCE}, 1.0))[SOURCE]
    assert [chunk[0].offset, chunk[-1].offset, chunk.after] == [4, 9, 4]
    assert chunk.era == consumer.era


async def test_positions_are_sought_once_for_an_assignment_and_never_between_two(
    consumer, monkeypatch
):
    log = Log(range(10))
    reading(monkeypatch, consumer, log)
    await consumer.on_partitions_assigned({SOURCE})
    assert await consumer.seek_to_committed() == {SOURCE: 4, SUNK: 3}
    assert (await consumer.seek_to_committed(), log.asked) == ({}, 1)
    await consumer.on_partitions_revoked({SOURCE})
    assert (await consumer.seek_to_committed(), log.asked) == ({}, 1)
    assert await consumer._getmany({SOURCE}, 1.0) == {}
    assert log.position == 4, "nothing was read"
    await consumer.on_partitions_assigned(set())
    assert (await consumer.seek_to_committed(), log.asked) == ({}, 1)
    await consumer.on_partitions_assigned({SOURCE})
    assert (await consumer.seek_to_committed(), log.asked) == ({SOURCE: 4, SUNK: 3}, 2)


async def test_shards_are_not_taken_for_an_assignment_that_is_over(consumer, monkeypatch):
    log, asks, answers = Log(range(10)), asyncio.Event(), asyncio.Event()
    reading(monkeypatch, consumer, log)

    async def highwaters(*partitions):
        asks.set()
        await answers.wait()
        return dict.fromkeys(partitions, 10)

    monkeypatch.setattr(consumer, "highwaters", highwaters)
    await consumer.on_partitions_assigned({SOURCE})
    seeking = asyncio.create_task(consumer.seek_to_committed())
    await asks.wait()
    await consumer.on_partitions_revoked({SOURCE})
    await consumer.on_partitions_assigned({SOURCE})
    answers.set()
    assert (await seeking, log.asked) == ({}, 0)
    assert (await consumer.seek_to_committed(), log.asked) == ({SOURCE: 4, SUNK: 3}, 1)


async def test_who_waits_for_the_store_gives_up_when_the_partitions_are_taken_away(
    consumer, monkeypatch
):
    log = Log(range(10))
    reading(monkeypatch, consumer, log)
    log.answers.clear()
    await consumer.on_partitions_assigned({SOURCE})
    seeking = asyncio.create_task(consumer.seek_to_committed())
    await log.asks.wait()
    await consumer.on_partitions_revoked({SOURCE})
    assert (await seeking, log.position) == ({}, 0)


async def test_a_seek_that_was_interrupted_is_made_up_for_before_anything_is_read(
    consumer, monkeypatch
):
    log = Log(range(10))
    reading(monkeypatch, consumer, log)
    log.answers.clear()
    await consumer.on_partitions_assigned({SOURCE})
    seeking = asyncio.create_task(consumer.perform_seek())
    await log.asks.wait()
    assert await consumer._getmany({SOURCE}, 1.0) == {}
    seeking.cancel()  # as Faust does when it takes too long
    with pytest.raises(asyncio.CancelledError):
        await seeking
    log.answers.set()
    assert await consumer._getmany({SOURCE}, 1.0) == {}
    assert (log.asked, log.position, consumer._read_offset) == (2, 4, {SOURCE: 4, SUNK: 3})
    (chunk,) = (await consumer._getmany({SOURCE}, 1.0))[SOURCE]
    assert [chunk[0].offset, chunk.after, chunk.era] == [4, 4, consumer.era]


async def test_what_a_fetch_left_out_is_asked_for_again(consumer, monkeypatch, caplog):
    log = Log(range(20))
    reading(monkeypatch, consumer, log)
    consumer._ends, log.position = {SOURCE: 4}, 11  # something has moved it
    assert await consumer._getmany({SOURCE}, 1.0) == {}
    (chunk,) = (await consumer._getmany({SOURCE}, 1.0))[SOURCE]
    assert [chunk[0].offset, chunk[-1].offset, chunk.after] == [4, 19, 4]
    assert "left out what is there from offset 4 on" in caplog.text


async def test_what_the_broker_has_not_is_asked_for_once(consumer, monkeypatch, caplog):
    log = Log([2, 9, 10])
    reading(monkeypatch, consumer, log)
    consumer._ends, log.position = {SOURCE: 4}, 4
    assert await consumer._getmany({SOURCE}, 1.0) == {}
    (chunk,) = (await consumer._getmany({SOURCE}, 1.0))[SOURCE]
    assert [chunk[0].offset, chunk[-1].offset, chunk.after] == [9, 10, 4]
    log.offsets = [2, 9, 10, 11]
    (chunk,) = (await consumer._getmany({SOURCE}, 1.0))[SOURCE]
    assert (chunk[0].offset, chunk.after, caplog.text) == (11, 11, "")


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
