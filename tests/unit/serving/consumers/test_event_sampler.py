"""The sampler of published interactions: only the newest, and only what is sound."""

import asyncio
from types import SimpleNamespace

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from millstream.clock import FakeClock
from millstream.codec import encode
from millstream.events import Interaction
from serving.consumers.event_sampler import EventSampler
from tests.support.serving_cases import NOW_S, upsert

PARTITION = TopicPartition("t", 0)


def record(value, offset=0):
    return SimpleNamespace(
        value=value, key=b"u", partition=0, offset=offset, timestamp=int(NOW_S * 1000)
    )


def click(number):
    return Interaction(
        event_id=f"e{number}", event_time=NOW_S, user_id="u", item_id=str(number), kind="click"
    )


class FakeReader:
    """A topic to which two records come between any two looks."""

    def __init__(self, fails=0):
        self.at, self.seeks, self.fails = 10, [], fails

    async def start(self):
        if self.fails:
            self.fails -= 1
            raise KafkaConnectionError("no broker")

    async def stop(self):
        pass

    def assignment(self):
        return {PARTITION}

    async def end_offsets(self, partitions):
        self.at += 2
        return dict.fromkeys(partitions, self.at)

    def seek(self, partition, offset):
        self.seeks.append(offset)

    async def getmany(self, *, timeout_ms, max_records):
        await asyncio.sleep(0)
        return {PARTITION: [record(encode(click(self.seeks[-1])), self.seeks[-1])]}


def sampler_of(reader, taken, every_s=0.001):
    broker = SimpleNamespace(reader=lambda topic: reader)

    def take(event, recent):
        taken.put_nowait((event, recent))

    return EventSampler(broker, "t", take, FakeClock(NOW_S), every_s)


async def test_each_look_begins_at_the_end():
    taken = asyncio.Queue()
    task = asyncio.create_task(sampler_of(FakeReader(), taken).run())
    assert [(await taken.get())[0].item_id for _ in range(3)] == ["12", "14", "16"]
    task.cancel()


async def test_a_broker_that_is_gone_is_waited_for(monkeypatch, caplog):
    monkeypatch.setattr("serving.consumers.reading._RETRY_S", 0.001)
    taken = asyncio.Queue()
    task = asyncio.create_task(sampler_of(FakeReader(fails=2), taken).run())
    assert (await taken.get())[0].item_id == "12"
    task.cancel()
    assert "cannot be read" in caplog.text


def test_what_is_no_sound_interaction_is_left_to_the_stream():
    taken = asyncio.Queue()
    sound = encode(click(1))
    values = [b"{", None, b"\xff" * 3000, encode(upsert("1")), b'{"kind":"click"}', sound]
    sampler_of(FakeReader(), taken).hand_on([record(value) for value in values])
    assert (taken.get_nowait()[0].event_id, taken.qsize()) == ("e1", 0)


def test_the_newest_comes_first_with_what_its_user_met_right_before():
    taken = asyncio.Queue()
    events = [click(1), msgspec.structs.replace(click(9), user_id="v"), click(2), click(3)]
    sampler_of(FakeReader(), taken).hand_on([record(encode(event)) for event in events])
    found = [taken.get_nowait() for _ in events]
    assert [(event.item_id, recent) for event, recent in found] == [
        ("3", ["2", "1"]),
        ("2", ["1"]),
        ("9", []),
        ("1", []),
    ]
