"""Waiting for a feed to have handed on all that its topic held."""

import asyncio

import pytest
from aiokafka import TopicPartition

from millstream.errors import LogUnavailable
from serving.consumers.broker import KafkaBroker
from serving.consumers.topic_consumer import TopicConsumer

FIRST, SECOND = TopicPartition("items", 0), TopicPartition("items", 1)


class Consumer:
    """One whose topic ends at 7 and is empty in its other partition."""

    ends = {FIRST: 7, SECOND: 0}  # noqa: RUF012

    def __init__(self):
        self.read = 3

    def assignment(self):
        return set(self.ends)

    async def end_offsets(self, partitions):
        return {partition: self.ends[partition] for partition in partitions}

    async def position(self, partition):
        return self.read if partition == FIRST else 0


@pytest.fixture
def feed():
    found = TopicConsumer(KafkaBroker({}), "items", lambda records: None)
    found._consumer = Consumer()  # type: ignore[assignment]
    return found


async def test_it_returns_at_once_where_all_was_handed_on(feed):
    feed._positions = {FIRST: 7}
    await feed.read_to_end(timeout_s=0.0)


async def test_it_waits_until_the_rest_was_handed_on(feed):
    feed._positions = {FIRST: 3}
    waiting = asyncio.create_task(feed.read_to_end(timeout_s=20))
    for read, is_done in ((3, False), (6, False), (7, True)):
        await asyncio.sleep(0.01)
        feed._consumer.read = read
        await feed._look_whom_to_tell(feed._consumer)
        await asyncio.sleep(0.01)
        assert waiting.done() == is_done
    assert feed._awaited == []


async def test_it_gives_up_in_time_and_leaves_nothing_behind(feed):
    with pytest.raises(TimeoutError):
        await feed.read_to_end(timeout_s=0.01)
    await feed._look_whom_to_tell(feed._consumer)
    assert feed._awaited == []


async def test_without_a_broker_nothing_is_waited_for(feed):
    feed._consumer = None
    with pytest.raises(LogUnavailable, match="items is not being read"):
        await feed.read_to_end()
