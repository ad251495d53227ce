"""Shards in a real Redis: one worker writes each, and its state goes with it."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from millstream.clock import FakeClock
from stream.ingest.records import TopicPartition
from stream.state.memory import empty_memory
from stream.storage import assigned_store
from stream.storage.assigned_store import AssignedStore, RedisShards, no_worker
from stream.storage.leader_lease import Lease, LeaseLost
from stream.storage.store import StateStore
from tests.support.stream_cases import (
    START,
    MemoryStream,
    event_entry,
    impression,
    interaction,
    item_upsert,
    state_commands,
)

COMMANDS = state_commands()
LEASE = COMMANDS.key("lease"), COMMANDS.key("epoch")


def of_users(*partitions: int) -> set[TopicPartition]:
    """The sources of some partitions of users."""
    topics = ("interactions", "impressions", "users")
    return {TopicPartition(topic, n) for topic in topics for n in partitions}


OF_ITEMS = {TopicPartition("items", 0), TopicPartition("touches", 0)}


@pytest.fixture
async def client(redis_url):
    redis = Redis.from_url(redis_url)
    yield redis
    await redis.aclose()


@pytest.fixture
async def worker(client, redis_url):
    """Makes workers: (memory in a stream, store)."""
    stores = []

    def make(owner: str) -> tuple[MemoryStream, AssignedStore]:
        stream = MemoryStream(sampled_negatives=0)
        shards = RedisShards(redis_url, client, COMMANDS, owner)
        store = AssignedStore(stream.rules, FakeClock(START + 50), shards.begin, owner)
        stores.append(store)
        return stream, store

    yield make
    for store in stores:
        store.close()


def records(partition: int, first: int, *events) -> list:
    return [event_entry(event, partition, first + n) for n, event in enumerate(events)]


async def test_a_shard_goes_to_another_worker_with_all_of_its_state_and_nothing_else(worker):
    one, first = worker("one")
    await first.take(one.memory, of_users(0, 1) | OF_ITEMS)
    for partition in (0, 1):
        lists = [impression(0, f"r{partition}", user=f"u{partition}")]
        await first.commit(one.batch(records(partition, 0, *lists)))
        click = interaction(1, f"u{partition}", "i1", request_id=f"r{partition}")
        early = interaction(2, f"u{partition}", "i1", request_id=f"early{partition}")
        await first.commit(one.run_entries(records(partition, 0, click, early)))
    await first.commit(one.run(item_upsert(0, "i1", categories=["drama"])))

    two, second = worker("two")
    await second.take(two.memory, of_users(1))
    memory = two.memory
    assert {source.partition for source in memory.positions} == {1}
    assert memory.positions[TopicPartition("interactions", 1)] == 2
    assert list(memory.join.open_windows) == ["r1"]
    assert set(memory.join.attributed) == {"r1", "early1"}
    assert list(memory.watermark.max_event_times) == [
        s for s in one.memory.watermark.max_event_times if s.partition == 1
    ]
    assert (memory.generations, memory.has_items) == ({"u1": 0}, False)
    assert (len(memory.seen.young), memory.known_items.items) == (3, [])
    await second.load(memory, ["u1"], ["i1"])
    assert memory.users["u1"] == one.memory.users["u1"]
    copied = memory.items["i1"]
    assert copied.versions == one.memory.items["i1"].versions
    assert not copied.history.updates

    with pytest.raises(LeaseLost, match="taken over"):
        await first.commit(one.batch(records(0, 2, interaction(9, "u0"))))
    duplicate = records(1, 2, interaction(1, "u1", "i1", request_id="r1"))
    effects = two.batch(duplicate)
    assert effects.counts == {("interactions", "duplicate"): 1}
    await second.commit(effects)


async def as_before_touches(client: Any) -> None:
    """Store the state as releases with one active worker did.

    They had no touches, one set of event ids, and no epochs of shards.
    """
    key = COMMANDS.key
    own = [each.decode() async for each in client.scan_iter(key("marks:*"))]
    await client.set(key("marks:0"), b"".join([await client.get(each) for each in own]))
    begun = {"generation": 0, "started_at": START}
    await client.hset(key("dedupe"), mapping=begun)
    shards = ("items", "u0", "u1")
    gone = [f"{name}:{shard}" for name in ("dedupe", "epoch", "batch") for shard in shards]
    await client.delete(*own, *map(key, ("asked", "touched", *gone)))
    reached = await client.hkeys(key("reached"))
    await client.hdel(key("reached"), *(field for field in reached if b"touches" in field))
    await client.hdel(key("positions"), "touches:0")


async def test_a_state_from_before_touches_is_gone_on_with_by_several_workers(worker, client):
    old, before = worker("old")
    await before.take(old.memory, of_users(0, 1) | OF_ITEMS)
    await before.commit(old.run(item_upsert(0, "i1", categories=["drama"])))
    for n in (0, 1):
        shown = impression(1, f"r{n}", user=f"u{n}")
        click = interaction(2, f"u{n}", "i1", event_id=f"c{n}")
        await before.commit(old.run_entries(records(n, 0, shown, click)))
    await as_before_touches(client)

    (one, first), (two, second) = worker("one"), worker("two")
    await first.take(one.memory, of_users(0) | OF_ITEMS)
    await second.take(two.memory, of_users(1))
    assert one.memory.known_items.items == ["i1"]
    assert (list(one.memory.join.open_windows), list(two.memory.join.open_windows)) == (
        ["r0"],
        ["r1"],
    )
    again = interaction(2, "u1", "i1", event_id="c1")
    click = interaction(3, "u1", "i1", event_id="d1", request_id="r1")
    await second.load(two.memory, ["u1"], ["i1"])
    effects = two.batch(records(1, 2, again, click))
    assert (effects.counts["interactions", "duplicate"], effects.joined) == (1, 1)
    await second.commit(effects)
    await first.load(one.memory, [], ["i1"])
    found = one.batch(two.asked(effects))
    assert (found.touched["new"], found.touched["again"]) == (1, 0)
    await first.commit(found)
    assert len(one.memory.items["i1"].history.updates) == 3


async def test_workers_write_beside_one_another(worker, client):
    (one, first), (two, second) = worker("one"), worker("two")
    await first.take(one.memory, of_users(0) | OF_ITEMS)
    await second.take(two.memory, of_users(1))
    for n in range(3):
        await first.commit(one.batch(records(0, n, interaction(n, "u0", event_id=f"a{n}"))))
        await second.commit(two.batch(records(1, n, interaction(n, "u1", event_id=f"b{n}"))))
    positions = await client.hgetall(COMMANDS.key("positions"))
    assert positions == {b"interactions:0": b"3", b"interactions:1": b"3"}
    three, third = worker("three")
    await third.take(three.memory, of_users(0, 1))
    assert len(three.memory.seen.young) == 6


async def test_what_is_assigned_once_more_is_gone_on_with(worker, client):
    one, first = worker("one")
    await first.take(one.memory, of_users(0))
    await first.commit(one.batch(records(0, 0, interaction(0))))
    epoch, users = await client.get(COMMANDS.key("epoch:u0")), one.memory.users
    await first.take(one.memory, of_users(0))
    assert await client.get(COMMANDS.key("epoch:u0")) == epoch
    assert one.memory.users is users
    await first.commit(one.batch(records(0, 1, interaction(1))))

    two, second = worker("two")
    await second.take(two.memory, of_users(0))
    await second.commit(two.batch(records(0, 2, interaction(2))))
    await first.take(one.memory, of_users(0))  # it has hung meanwhile
    assert one.memory.positions[TopicPartition("interactions", 0)] == 3
    await first.commit(one.batch(records(0, 3, interaction(3))))


async def test_an_emptied_redis_gives_no_epoch_that_was_given_before(worker, client):
    (one, first), (two, second) = worker("one"), worker("one")
    await first.take(one.memory, of_users(0))
    await client.flushdb()
    await second.take(two.memory, of_users(0))
    with pytest.raises(LeaseLost):
        await first.commit(one.batch(records(0, 0, interaction(0))))
    assert await client.hgetall(COMMANDS.key("positions")) == {}


async def test_a_command_with_the_lease_ends_workers_and_lets_none_begin(
    worker, client, redis_url, monkeypatch
):
    monkeypatch.setattr(assigned_store, "RETRY_S", 0.02)
    (one, first), (two, second) = worker("one"), worker("two")
    await first.take(one.memory, of_users(0))
    lease = Lease(client, *LEASE, "bootstrap")
    store = StateStore(redis_url, COMMANDS, await lease.acquire())
    with pytest.raises(LeaseLost):
        await first.commit(one.batch(records(0, 0, interaction(0))))
    taking = asyncio.create_task(second.take(two.memory, of_users(0)))
    await asyncio.sleep(0.1)
    assert not taking.done()
    await store.restore(empty_memory(one.rules), START)
    await store.commit(MemoryStream().run(interaction(5)))
    store.close()
    await lease.release()
    await taking
    assert two.memory.positions[TopicPartition("interactions", 0)] == 1
    await second.commit(two.batch(records(0, 1, interaction(6))))


async def test_a_command_waits_until_no_worker_says_that_it_is_alive(
    worker, client, redis_url, monkeypatch
):
    monkeypatch.setattr(assigned_store, "RETRY_S", 0.02)
    monkeypatch.setattr(assigned_store, "ALIVE_S", 0.02)
    one, first = worker("one")
    await first.take(one.memory, of_users(0) | OF_ITEMS)
    shards = RedisShards(redis_url, client, COMMANDS, "one")
    watching = asyncio.create_task(shards.watch(first))
    await asyncio.sleep(0.1)
    assert await client.get(COMMANDS.key("worker:one")) == b"items,u0"
    waiting = asyncio.create_task(no_worker(client, COMMANDS))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    watching.cancel()
    await shards.leave()
    async with asyncio.timeout(5):
        await waiting
