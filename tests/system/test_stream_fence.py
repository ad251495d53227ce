"""Two writers, and a Redis that forgets: who must not write notices, and has written nothing."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from deploy.local import LocalServices
from deploy.local.service import LocalService
from features.spec import ITEM_STATS, USER_STATS
from millstream.topics import INTERACTIONS
from stream.state.memory import empty_memory
from stream.storage import leader_lease as lease_module
from stream.storage.leader_lease import Lease, LeaseLost
from stream.storage.store import StateStore
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.outage import ITEMS, USERS, clicks
from tests.support.stream_cases import START, MemoryStream, interaction, state_commands
from tests.support.stream_outcome import online, position, send

COMMANDS = state_commands()
KEYS = (COMMANDS.key("lease"), COMMANDS.key("epoch"))
TIMEOUT_S = 60.0
SYNCED_S = 1.5  # Redis syncs its file once a second

Copy = dict[bytes, bytes]


@pytest.fixture
async def client(redis_url):
    redis = AsyncRedis.from_url(redis_url)
    yield redis
    await redis.aclose()


async def state_of(client: AsyncRedis) -> Copy:
    """A copy of everything, as it is now."""
    return {key: await client.dump(key) for key in await client.keys()}


async def go_back(client: AsyncRedis, copy: Copy) -> None:
    """Make Redis what it was."""
    async with client.pipeline(transaction=True) as pipe:
        pipe.flushdb()
        for key, value in copy.items():
            pipe.restore(key, 0, value)
        await pipe.execute()


@pytest.fixture
async def working(client, redis_url):
    """Takes the lease in the name of an owner: (lease, store)."""
    stores: list[StateStore] = []

    async def take(owner: str) -> tuple[Lease, StateStore]:
        lease = Lease(client, *KEYS, owner)
        stores.append(StateStore(redis_url, COMMANDS, await lease.acquire()))
        return lease, stores[-1]

    yield take
    for store in stores:
        store.close()


async def test_an_emptied_redis_gives_nobody_an_epoch_that_was_given_before(client, working):
    paused, old = await working("paused")
    stream = MemoryStream()
    await old.restore(empty_memory(stream.rules), START)
    await old.commit(stream.run(interaction(0)))
    await client.flushdb()
    standby, new = await working("standby")
    assert standby.epoch != paused.epoch

    await new.restore(empty_memory(stream.rules), START)
    await new.commit(MemoryStream().run(interaction(5, "u7")))
    before = await state_of(client)
    with pytest.raises(LeaseLost):
        await old.commit(stream.run(interaction(1)))
    old.close()
    with pytest.raises(LeaseLost):
        await old.commit(stream.run(interaction(2)))
    after = await state_of(client)
    assert {k: v for k, v in after.items() if k != KEYS[0].encode()} == {
        k: v for k, v in before.items() if k != KEYS[0].encode()
    }
    await new.commit(MemoryStream().run(interaction(6, "u7")))


async def test_a_worker_whose_redis_was_emptied_does_not_renew_its_lease(client, monkeypatch):
    monkeypatch.setattr(lease_module, "RENEW_S", 0.05)
    paused, standby = Lease(client, *KEYS, "paused"), Lease(client, *KEYS, "standby")
    await paused.acquire()
    await client.flushdb()
    await standby.acquire()
    with pytest.raises(LeaseLost):
        await paused.keep()
    assert await client.get(KEYS[0]) == b"standby"


async def test_one_owner_s_lease_is_not_renewed_by_another_that_knows_its_epoch(
    client, monkeypatch
):
    monkeypatch.setattr(lease_module, "RENEW_S", 0.05)
    first, second = Lease(client, *KEYS, "first"), Lease(client, *KEYS, "second")
    second.epoch = await first.acquire()
    with pytest.raises(LeaseLost):
        await second.keep()


@pytest.mark.parametrize("is_reconnected", [False, True])
async def test_a_redis_that_went_back_is_noticed_before_anything_is_written(
    client, working, is_reconnected
):
    _, store = await working("me")
    stream = MemoryStream()
    await store.restore(empty_memory(stream.rules), START)
    await store.commit(stream.run(interaction(0)))
    copy = await state_of(client)
    await store.commit(stream.run(interaction(1)))
    await go_back(client, copy)
    if is_reconnected:
        store.close()
    with pytest.raises(LeaseLost, match="gone back in time: it holds batch .*:1, and .*:2 was"):
        await store.commit(stream.run(interaction(2)))
    assert await state_of(client) == copy


async def test_a_redis_that_went_back_is_noticed_while_nothing_comes(client, working):
    _, store = await working("me")
    stream = MemoryStream()
    await store.restore(empty_memory(stream.rules), START)
    copy = await state_of(client)
    await store.commit(stream.run(interaction(0)))
    store.close()
    await store.look()  # it holds what was committed
    await go_back(client, copy)
    await store.look()  # the connection is the same
    store.close()
    with pytest.raises(LeaseLost, match="it holds batch none"):
        await store.look()


async def test_a_restored_redis_that_is_as_it_was_left_is_gone_on_with(client, working):
    _, store = await working("me")
    stream = MemoryStream()
    await store.restore(empty_memory(stream.rules), START)
    await store.commit(stream.run(interaction(0)))
    store.close()
    await store.commit(stream.run(interaction(1)))
    assert await client.hget(COMMANDS.key("positions"), "interactions:0") == b"2"


def own_world(services: LocalServices, folder: Path) -> Installation:
    """An installation on services that may be killed."""
    prefix = Installation.fresh_prefix("fence")
    urls = services.bootstrap_servers, services.redis_url
    return Installation(*urls, prefix, folder, allowed_lateness_s=1_000.0)


def check_counted_once(own: Installation, events: list) -> None:
    """Every event is in the features of users and items, and once in each."""
    wanted = len({event.event_id for event in events})
    rows = online(own.settings, USER_STATS, USERS)
    assert round(sum(row["user_events_30d"] or 0.0 for row in rows)) == wanted
    rows = online(own.settings, ITEM_STATS, ITEMS)
    assert round(sum(row["item_events_30d"] or 0.0 for row in rows)) == wanted


@pytest.mark.timeout(300)
def test_a_paused_worker_that_wakes_to_an_emptied_redis_and_its_successor_writes_nothing(
    own_services: LocalServices, tmp_path: Path
):
    assert isinstance(own_services.redis, LocalService)
    events = clicks(2_000, first=0)
    with own_world(own_services, tmp_path) as own:
        own.create_topics()
        paused = own.run("stream", ready=own.stream_listens)
        send(own.settings, events[:1_000])
        eventually(lambda: position(own.settings, INTERACTIONS) == 1_000, "half of it", TIMEOUT_S)
        os.kill(paused.pid, signal.SIGSTOP)
        own_services.redis.kill()
        shutil.rmtree(own_services.redis.folder)
        own_services.redis.start()
        own.choose(stream_metrics_port=0)
        standby = own.run("stream")
        eventually(
            lambda: position(own.settings, INTERACTIONS) == 1_000, "all read anew", TIMEOUT_S
        )
        os.kill(paused.pid, signal.SIGCONT)
        assert paused.wait(TIMEOUT_S) == 1
        assert "has taken over, or Redis lost its data" in paused.log_tail()
        send(own.settings, events[1_000:])
        eventually(
            lambda: position(own.settings, INTERACTIONS) == len(events), "all of it", TIMEOUT_S
        )
        assert standby.alive
        check_counted_once(own, events)


@pytest.mark.timeout(300)
def test_a_copy_of_redis_that_is_put_under_a_live_worker_ends_it_and_loses_nothing(
    own_services: LocalServices, tmp_path: Path
):
    redis = own_services.redis
    assert isinstance(redis, LocalService)
    events = clicks(3_000, first=0)
    with own_world(own_services, tmp_path) as own:
        own.create_topics()
        worker = own.run("stream", ready=own.stream_listens)
        send(own.settings, events[:1_000])
        eventually(lambda: position(own.settings, INTERACTIONS) == 1_000, "a third", TIMEOUT_S)
        time.sleep(SYNCED_S)
        shutil.copytree(redis.folder, tmp_path / "copy")
        send(own.settings, events[1_000:2_000])
        eventually(lambda: position(own.settings, INTERACTIONS) == 2_000, "two thirds", TIMEOUT_S)

        redis.kill()
        shutil.rmtree(redis.folder)
        shutil.copytree(tmp_path / "copy", redis.folder)
        redis.start()
        assert position(own.settings, INTERACTIONS) < 2_000, "it has gone back"
        assert worker.wait(TIMEOUT_S) == 1
        assert "Redis has gone back in time" in worker.log_tail()
        send(own.settings, events[2_000:])
        own.run("stream", ready=own.stream_listens)
        eventually(
            lambda: position(own.settings, INTERACTIONS) == len(events), "all of it", TIMEOUT_S
        )
        check_counted_once(own, events)
        with Redis.from_url(own.settings.redis_url) as client:
            assert client.hlen(f"{own.settings.topic_prefix}stream:logs") >= 1
