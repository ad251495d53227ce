"""Shards are held whole or not at all, whatever interrupts their taking."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from millstream.clock import FakeClock
from stream.ingest.records import TopicPartition
from stream.state.memory import Memory, Rules, empty_memory
from stream.storage.assigned_store import AssignedStore
from stream.storage.leader_lease import LeaseLost
from stream.storage.store import StateStore
from tests.support.stream_cases import START

A = TopicPartition("interactions", 0)


class Shards:
    """Shards whose state says where they are read on from, when it answers."""

    def __init__(self) -> None:
        self.begun: list[State] = []
        self.answers, self.looks, self.sees = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.answers.set()

    async def begin(self, shards: Sequence[str], epoch: str) -> StateStore:
        """See `AssignedStore`."""
        self.begun.append(State(self))
        return cast(StateStore, self.begun[-1])


class State:
    """Their state in one epoch."""

    def __init__(self, shards: Shards) -> None:
        self.shards, self.is_closed = shards, False

    async def restore(self, memory: Memory, now_s: float, sources: Any) -> None:
        """See `StateStore`."""
        await self.shards.answers.wait()
        memory.positions[A] = 7

    async def is_held(self) -> bool:
        """Nobody else takes anything."""
        return True

    async def look(self) -> None:
        """Notice, at length, that the epoch is over."""
        self.shards.looks.set()
        await self.shards.sees.wait()
        raise LeaseLost("Another stream worker has taken over.")

    def close(self) -> None:
        """See `StateStore`."""
        self.is_closed = True


@pytest.fixture
def taking() -> tuple[AssignedStore, Shards, Memory]:
    shards, rules = Shards(), Rules()
    store = AssignedStore(rules, FakeClock(START), shards.begin, "one")
    return store, shards, empty_memory(rules)


async def test_a_state_that_was_not_read_to_its_end_is_not_gone_on_with(taking):
    store, shards, memory = taking
    shards.answers.clear()
    first = asyncio.create_task(store.take(memory, {A}))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    shards.answers.set()
    await store.take(memory, {A})
    assert [state.is_closed for state in shards.begun] == [True, False]
    assert memory.positions == {A: 7}
    await store.take(memory, {A})
    assert len(shards.begun) == 2, "what is assigned once more is gone on with"


async def test_an_epoch_that_this_worker_ended_itself_is_not_missed(taking):
    store, shards, memory = taking
    await store.take(memory, {A})
    looking = asyncio.create_task(store.look())
    await shards.looks.wait()
    store.close()
    await store.take(memory, {A})
    shards.sees.set()
    await looking


async def test_an_epoch_that_another_worker_has_ended_ends_this_one(taking):
    store, shards, memory = taking
    await store.take(memory, {A})
    shards.sees.set()
    with pytest.raises(LeaseLost):
        await store.look()
