"""A fetch in slices: requests have their turn, and what fails costs itself."""

import asyncio
from typing import Any

import pytest

from serving.consumers.broker import KafkaBroker
from serving.consumers.slices import Slices
from serving.consumers.topic_consumer import TopicConsumer


def test_a_slice_becomes_as_large_as_fits_into_its_time():
    slices = Slices(target_s=0.004, most=100)
    for _ in range(10):
        slices.took(slices.size, slices.size * 0.0004)
    assert slices.size in (9, 10)
    slices.took(slices.size, 1.0)
    assert slices.size == 1
    for _ in range(10):
        slices.took(slices.size, 0.0)
    assert slices.size == 100


async def test_others_have_their_turn_between_slices():
    turns: list[int] = []
    asking = 0

    async def request():
        for _ in range(3):
            turns.append(asking)
            await asyncio.sleep(0)

    feed = TopicConsumer(KafkaBroker({}), "items", lambda records: turns.append(len(records)))
    feed._slices.took(8, 1.0)  # one record in the next slice
    asked = asyncio.create_task(request())
    await feed.take(list(range(20)))
    await asked
    assert sum(turns) == 20
    assert max(turns) < 20
    assert turns.index(asking) < len(turns) - 4


@pytest.mark.parametrize("bad", [{3}, {0, 19}, set(range(20))])
async def test_a_record_whose_handling_fails_costs_itself_and_is_counted(bad):
    handled, left_out = [], []

    def handle(records):
        if bad & set(records):
            raise RecursionError("maximum recursion depth exceeded")
        handled.extend(records)

    feed = TopicConsumer(KafkaBroker({}), "items", handle, left_out=lambda: left_out.append(1))
    await feed.take(list(range(20)))
    assert handled == [n for n in range(20) if n not in bad]
    assert len(left_out) == len(bad)


async def test_others_have_their_turn_between_the_steps_of_one_record():
    turns: list[Any] = []
    left_out: list[int] = []

    async def request():
        for _ in range(3):
            turns.append("request")
            await asyncio.sleep(0)

    def in_steps(records):
        for record in records:
            for step in range(5):
                if (record, step) == (1, 2):
                    raise ValueError("a step that fails")
                turns.append((record, step))
                yield

    feed = TopicConsumer(KafkaBroker({}), "features", in_steps, left_out=lambda: left_out.append(1))
    asked = asyncio.create_task(request())
    await feed.take([0])
    await asked
    assert turns.index("request") < turns.index((0, 4))
    turns.clear()
    await feed.take([1, 2])
    assert turns[:2] == [(1, 0), (1, 1)]
    assert turns[-5:] == [(2, step) for step in range(5)]
    assert len(left_out) == 1
