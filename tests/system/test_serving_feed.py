"""A feed on a real broker: late topics, faulty handlers, brokers that go and come back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from deploy.local import LocalServices
from serving.consumers.broker import KafkaBroker
from serving.consumers.topic_consumer import TopicConsumer
from tests.support.eventually import eventually
from tests.support.topics import publish


def create(kafka: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics([NewTopic(topic, 1, 1)])
    admin.close()


async def until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    await asyncio.to_thread(eventually, condition, "the feed has come so far", timeout_s)


@asynccontextmanager
async def running(feed: TopicConsumer) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Values:
    """A handler that keeps what it gets; what is called `fault` makes it raise."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def __call__(self, records) -> None:
        for record in records:
            if record.value == b"fault":
                raise RuntimeError("a fault in the handler")
            if record.value not in self.seen:
                self.seen.append(record.value)


async def send(kafka: str, topic: str, *values: bytes) -> None:
    await asyncio.to_thread(publish, kafka, topic, [(None, value) for value in values])


async def test_a_topic_is_read_from_its_beginning_to_where_it_ended_and_on(kafka, topic_prefix):
    topic, values = f"{topic_prefix}feed", Values()
    create(kafka, topic)
    await send(kafka, topic, b"1", b"2")
    feed = TopicConsumer(KafkaBroker({"bootstrap_servers": kafka}), topic, values)
    async with running(feed):
        await asyncio.wait_for(feed.caught_up.wait(), 30)
        assert values.seen == [b"1", b"2"]
        await send(kafka, topic, b"3")
        await until(lambda: values.seen == [b"1", b"2", b"3"])


async def test_a_topic_may_come_after_the_feed(services, kafka, topic_prefix):
    if services.kind == "tansu":
        pytest.skip("Tansu makes a topic as soon as somebody asks for it")
    topic, values = f"{topic_prefix}feed", Values()
    feed = TopicConsumer(KafkaBroker({"bootstrap_servers": kafka}), topic, values)
    async with running(feed):
        await asyncio.sleep(1.0)
        assert not feed.caught_up.is_set()
        create(kafka, topic)
        await send(kafka, topic, b"1")
        await until(lambda: values.seen == [b"1"])
        await asyncio.wait_for(feed.caught_up.wait(), 30)


async def test_a_feed_may_begin_with_what_is_new(kafka, topic_prefix):
    topic, values = f"{topic_prefix}feed", Values()
    create(kafka, topic)
    await send(kafka, topic, b"old")
    await asyncio.sleep(0.1)
    feed = TopicConsumer(
        KafkaBroker({"bootstrap_servers": kafka}), topic, values, since_s=time.time()
    )
    async with running(feed):
        await asyncio.wait_for(feed.caught_up.wait(), 30)
        await send(kafka, topic, b"new")
        await until(lambda: bool(values.seen))
    assert values.seen == [b"new"]


async def test_a_handler_that_raises_costs_one_record_and_does_not_end_the_feed(
    kafka, topic_prefix, caplog
):
    topic, values, left_out = f"{topic_prefix}feed", Values(), []
    create(kafka, topic)
    feed = TopicConsumer(
        KafkaBroker({"bootstrap_servers": kafka}),
        topic,
        values,
        left_out=lambda: left_out.append(1),
    )
    async with running(feed):
        await send(kafka, topic, b"1", b"fault", b"2", b"fault", b"3")
        await until(lambda: "was left out" in caplog.text)
        await send(kafka, topic, b"4")
        await until(lambda: values.seen == [b"1", b"2", b"3", b"4"])
        assert len(left_out) == 2


async def test_a_broker_that_comes_back_is_read_on_from_where_it_was(
    own_services: LocalServices, topic_prefix
):
    kafka, topic, values = own_services.bootstrap_servers, f"{topic_prefix}feed", Values()
    if not own_services.kafka.durable:
        return
    create(kafka, topic)
    await send(kafka, topic, b"before")
    async with running(TopicConsumer(KafkaBroker({"bootstrap_servers": kafka}), topic, values)):
        await until(lambda: values.seen == [b"before"])
        await asyncio.to_thread(own_services.kafka.stop)
        await asyncio.sleep(2.0)
        await asyncio.to_thread(own_services.kafka.start)
        await send(kafka, topic, b"after")
        await until(lambda: len(values.seen) > 1, timeout_s=60)
    assert values.seen == [b"before", b"after"]
