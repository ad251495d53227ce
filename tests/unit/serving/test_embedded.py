"""Serving on the embedded log: what is sent is read, in order, by the very consumer of Kafka."""

import asyncio
import contextlib

import pytest

from millstream.clock import FakeClock
from millstream.embedded.log import EmbeddedLog, NewRecord
from millstream.errors import LogUnavailable
from millstream.settings import Settings
from millstream.topics import INTERACTIONS, ITEMS
from serving.consumers.topic_consumer import TopicConsumer
from serving.embedded import EmbeddedBroker

SETTINGS = Settings(_env_file=None)
TOPIC = SETTINGS.topic(ITEMS)
NOW_S = 1_000.0


@pytest.fixture
def log(tmp_path):
    found = EmbeddedLog(tmp_path, (ITEMS, INTERACTIONS))
    yield found
    found.close()


@pytest.fixture
def broker(log):
    return EmbeddedBroker(SETTINGS, log, FakeClock(NOW_S))


class Values:
    """A handler that keeps what it gets."""

    def __init__(self):
        self.got = []

    def __call__(self, records):
        self.got += [record.value for record in records]


@contextlib.asynccontextmanager
async def running(feed):
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)


def append(log, *values, time_ms=0):
    log[ITEMS].append([NewRecord(b"k", value, time_ms) for value in values])


async def test_a_feed_reads_what_is_there_and_what_comes(log, broker):
    values = Values()
    feed = TopicConsumer(broker, TOPIC, values)
    append(log, b"1", b"2")
    async with running(feed):
        await asyncio.wait_for(feed.caught_up.wait(), 20)
        assert values.got == [b"1", b"2"]
        append(log, b"3")
        await feed.read_to_end(timeout_s=20)
        assert values.got == [b"1", b"2", b"3"]


async def test_a_feed_since_a_time_leaves_out_what_is_older(log, broker):
    values = Values()
    append(log, b"old", time_ms=round(NOW_S * 1000) - 1)
    append(log, b"new", time_ms=round(NOW_S * 1000))
    async with running(TopicConsumer(broker, TOPIC, values, since_s=NOW_S)):
        await until(lambda: values.got)
    assert values.got == [b"new"]


async def test_a_feed_goes_on_over_what_retention_took(log, broker):
    values = Values()
    feed = TopicConsumer(broker, TOPIC, values)
    append(log, *(b"%d" % n for n in range(5)))
    log.tidy(NOW_S)  # one key: the last is left
    async with running(feed):
        await asyncio.wait_for(feed.caught_up.wait(), 20)
        assert values.got == [b"4"]
        append(log, b"5")
        await feed.read_to_end(timeout_s=20)
    assert values.got == [b"4", b"5"]


async def test_what_is_sent_at_once_is_appended_in_order_and_told_to_each(log, broker):
    sender = broker.sender()
    await sender.start()
    sent = [await sender.send(TOPIC, b"%d" % n, b"k") for n in range(300)]
    await asyncio.gather(*sent)
    assert [record.value for record in log[ITEMS].whole(0)] == [b"%d" % n for n in range(300)]
    await sender.stop()


async def test_a_deletion_keeps_its_time_and_an_interaction_has_that_of_its_arrival(log, broker):
    sender = broker.sender()
    await (await sender.send(TOPIC, key=b"k", timestamp_ms=77))
    await (await sender.send(SETTINGS.topic(INTERACTIONS), b"x", b"u", timestamp_ms=77))
    assert [(r.time_ms, r.value) for r in log[ITEMS].whole(0)] == [(77, None)]
    (click,) = [r for n in range(16) for r in log[INTERACTIONS].whole(n)]
    assert click.time_ms == NOW_S * 1000
    await sender.stop()


async def test_a_disk_that_takes_nothing_is_told_to_whoever_waits(log, broker, monkeypatch):
    def full(records):
        raise LogUnavailable("items.sqlite: database or disk is full")

    monkeypatch.setattr(log[ITEMS], "append", full)
    sender = broker.sender()
    bad = await sender.send(TOPIC, b"x", b"k")
    good = await sender.send(SETTINGS.topic(INTERACTIONS), b"x", b"u")
    with pytest.raises(LogUnavailable, match="disk is full"):
        await bad
    await good
    await sender.stop()


async def test_records_that_pile_up_are_refused_and_not_kept_in_memory(broker, monkeypatch):
    monkeypatch.setattr("serving.embedded._MOST_WAITING", 2)
    sender = broker.sender()
    sent = [await sender.send(TOPIC, b"x", b"k") for _ in range(2)]
    with pytest.raises(LogUnavailable, match="Too many records"):
        await sender.send(TOPIC, b"x", b"k")
    await asyncio.gather(*sent)
    await sender.stop()
