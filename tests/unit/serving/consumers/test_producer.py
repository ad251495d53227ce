"""Events into Kafka, with a producer that takes, refuses and keeps silent as it is told."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from millstream.clock import FakeClock
from millstream.codec import decode
from millstream.errors import InvalidEvent, LogUnavailable
from millstream.events import Impression, Interaction, ShownItem
from millstream.settings import Settings
from serving.consumers.broker import KafkaBroker
from serving.consumers.producer import MAX_MESSAGE_BYTES, EventProducer
from tests.support.serving_cases import NOW_S, Case


def shown(**fields):
    items = [ShownItem(item_id="i", position=0, score=0.5)]
    given = {"event_id": "e", "event_time": NOW_S, "request_id": "r", "user_id": "u"}
    return Impression(**{**given, "items": items, **fields})


def click(item):
    return Interaction(event_id=item, event_time=NOW_S, user_id="u", item_id=item, kind="click")


class Producer:
    """Takes the place of Kafka's. What it does with an item is in `answers`; else it takes it."""

    def __init__(self, **answers):
        self.sent = []
        self.answers = answers
        self.is_stopped = False

    async def send(self, topic, value, key):
        assert not self.is_stopped
        event = decode(value)
        self.sent.append(event)
        answer = self.answers.get(getattr(event, "item_id", ""))
        future = asyncio.get_running_loop().create_future()
        if answer == "raises":
            raise MessageSizeTooLargeError()
        if isinstance(answer, Exception):
            future.set_exception(answer)
        elif answer != "silence":
            future.set_result(None)
        return future

    async def stop(self):
        self.is_stopped = True


def event_producer(producer, case=None, **options):
    found = EventProducer(
        Settings(_env_file=None), KafkaBroker({}), (case or Case(1)).metrics, FakeClock(), **options
    )
    found._producer = producer
    return found


@asynccontextmanager
async def running(events):
    task = asyncio.create_task(events.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)


async def test_each_event_of_a_batch_has_its_own_outcome():
    answers = {"b": KafkaTimeoutError(), "c": MessageSizeTooLargeError(), "d": "raises"}
    taken = []
    events = event_producer(Producer(**answers), taken=taken.append)
    outcomes = await events.publish([click(item) for item in "abcde"])
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [type(None), LogUnavailable, InvalidEvent, InvalidEvent, type(None)]
    assert [event.item_id for event in taken] == ["a", "e"]


async def test_a_broker_that_is_silent_about_one_event_has_taken_the_others():
    events = event_producer(Producer(b="silence"), timeout_s=0.05)
    outcomes = await events.publish([click("a"), click("b")])
    assert outcomes[0] is None
    assert isinstance(outcomes[1], LogUnavailable)


async def test_without_a_broker_no_event_is_taken_and_none_is_blamed():
    outcomes = await event_producer(None).publish([click("a"), click("b")])
    assert [type(outcome) for outcome in outcomes] == [LogUnavailable, LogUnavailable]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (click("\ud800"), "Expected an event that JSON can hold"),
        (shown(context={"a": "x" * MAX_MESSAGE_BYTES}), f"at most {MAX_MESSAGE_BYTES} bytes"),
    ],
)
async def test_an_event_that_no_broker_will_take_is_its_senders_fault(event, reason):
    producer = Producer()
    outcomes = await event_producer(producer).publish([click("a"), event, click("b")])
    assert [outcomes[0], outcomes[2]] == [None, None]
    assert isinstance(outcomes[1], InvalidEvent)
    assert reason in str(outcomes[1])
    assert [sent.item_id for sent in producer.sent] == ["a", "b"]


def test_lists_that_nobody_takes_are_dropped_and_counted():
    case = Case(1)
    events = event_producer(None, case)
    for _ in range(10_003):
        events.log(shown())
    assert case.count("impressions_total", outcome="dropped") == 3


def test_lists_that_wait_take_no_more_than_so_many_bytes():
    case = Case(1)
    events = event_producer(None, case)
    for _ in range(100):
        events.log(shown(context={"a": "x" * 800_000}))
    assert case.count("impressions_total", outcome="dropped") == 17  # 64 MiB hold 83


async def test_lists_are_logged_together_and_none_is_left_when_the_worker_ends():
    case = Case(1)
    events = event_producer(producer := Producer(), case)
    async with running(events):
        events.log(shown())
        events.log(shown())
        await asyncio.sleep(0.001)
        assert producer.sent == []
        await until(lambda: producer.sent)
        assert producer.sent == [shown(), shown()]
        events.log(shown())
    assert (len(producer.sent), producer.is_stopped) == (3, True)
    assert case.count("impressions_total", outcome="sent") == 3


@pytest.mark.parametrize("bad", [{"context": {"device": "phone \ud83d"}}, {"user_id": "\udc00"}])
async def test_a_list_that_cannot_be_written_is_counted_and_ends_nothing(bad):
    case = Case(1)
    events = event_producer(producer := Producer(), case)
    async with running(events) as task:
        events.log(shown(**bad))
        events.log(shown())
        await until(lambda: producer.sent)
        assert not task.done()
        assert await events.publish([click("a")]) == [None]
    assert case.count("impressions_total", outcome="failed") == 1
    assert case.count("impressions_total", outcome="sent") == 1


async def test_a_producer_that_fails_in_a_way_nobody_foresaw_costs_one_list():
    case = Case(1)
    events = event_producer(producer := Producer(), case)
    send, calls = producer.send, []

    async def fails_once(*arguments, **named):
        calls.append(1)
        if len(calls) == 1:
            raise TypeError("nobody foresaw this")
        return await send(*arguments, **named)

    producer.send = fails_once
    async with running(events) as task:
        events.log(shown())
        events.log(shown())
        await until(lambda: producer.sent)
        assert not task.done()
    assert case.count("impressions_total", outcome="failed") == 1
