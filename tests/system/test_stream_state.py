"""The stream's state in a real Redis: what is committed comes back, once, and to one owner."""

import asyncio

import pytest
from redis.asyncio import Redis

from features import bloom
from features.dedup import fingerprint, pack
from features.fingerprints import Fingerprints
from features.spec import BY_NAME, RECENT
from millstream.errors import StoreUnavailable
from stream.outputs.effects import Effects
from stream.state.memory import empty_memory
from stream.state.watermark import CLOCK
from stream.storage import leader_lease as lease_module
from stream.storage.leader_lease import Lease, LeaseLost
from stream.storage.redis_connection import connected
from stream.storage.store import StateStore
from tests.support.stream_cases import (
    START,
    MemoryStream,
    impression,
    interaction,
    item_upsert,
    state_commands,
)

RECENT_ITEMS = BY_NAME[RECENT].length or 0

COMMANDS = state_commands()
SHARDS = ["items", "u0"]


@pytest.fixture
async def client(redis_url):
    redis = Redis.from_url(redis_url)
    await redis.mset({COMMANDS.key(f"epoch:{shard}"): "me/1" for shard in SHARDS})
    yield redis
    await redis.aclose()


@pytest.fixture
async def store(client, redis_url):
    opened = StateStore(redis_url, COMMANDS, epoch="me/1", shards=SHARDS)
    yield opened
    opened.close()


def entries(fingerprints: Fingerprints) -> set[int]:
    """What was added."""
    return {int(entry) for table in fingerprints._tables for entry in table if entry}


def day() -> list:
    return [
        *(item_upsert(-10, f"i{n}", hidden=n == 3) for n in range(5)),
        impression(0, "r1"),
        impression(1, "r2"),
        interaction(2, "u1", "i1", request_id="r1"),
        *(interaction(3 + n, "u2", f"j{n}") for n in range(RECENT_ITEMS + 3)),
    ]


async def test_what_is_committed_is_restored(store):
    stream = MemoryStream()
    await store.commit(stream.run(*day()))
    again = empty_memory(stream.rules)
    await store.restore(again, START)
    await store.load(again, ["u1", "u2"], ["i1", "j1"])

    was = stream.memory
    assert again.positions == was.positions
    assert again.watermark.max_event_times == was.watermark.max_event_times
    assert (again.known_items.items, again.known_items.hidden) == (was.known_items.items, {"i3"})
    assert entries(again.seen.young) == entries(was.seen.young) != set()
    assert again.join.open_windows == was.join.open_windows
    assert again.join.attributed == was.join.attributed == {"r1": ["i1"]}
    assert [again.users[user] for user in ("u1", "u2")] == [was.users[u] for u in ("u1", "u2")]
    assert [again.items[item] for item in ("i1", "j1")] == [was.items[i] for i in ("i1", "j1")]


async def test_a_window_that_closed_is_gone(store):
    stream = MemoryStream()
    await store.commit(stream.run(*day(), now=0.0))
    await store.commit(stream.run_entries([], 1e6, {CLOCK: START + 1e6}))
    await store.commit(stream.run_entries([], 1e6))
    again = empty_memory(stream.rules)
    await store.restore(again, START)
    assert (again.join.open_windows, again.join.attributed) == ({}, {})


async def test_ids_of_two_generations_are_remembered(store):
    stream = MemoryStream(dedupe_window_s=10.0)
    for second in (0, 10, 20):
        await store.commit(stream.run(interaction(second), now=float(second)))
    again = empty_memory(stream.rules)
    await store.restore(again, START)
    was = stream.memory.seen
    assert entries(again.seen.young) == entries(was.young) != set()
    assert entries(again.seen.old) == entries(was.old) != set()
    assert again.generations == stream.memory.generations == {"u0": 2}
    assert again.seen.started_at == START + 20


async def test_what_fell_out_of_the_recent_items_is_in_the_seen_filter(store, client):
    await store.commit(MemoryStream().run(*day()))
    stored = await client.get(bloom.key("test.", "u2", 0))
    assert bloom.contains(stored, ["j0", "j1", "j2"]).all()
    assert not bloom.contains(stored, ["j3", "i1"]).any()


@pytest.mark.parametrize("lost", ["epoch:u0", "epoch:items", "epoch"])
async def test_who_has_lost_a_shard_cannot_write_any_more(store, client, lost):
    stream = MemoryStream()
    await store.commit(stream.run(interaction(0)))
    await client.set(COMMANDS.key(lost), "other/2")
    with pytest.raises(LeaseLost):
        await store.commit(stream.run(interaction(1)))
    assert await client.hget(COMMANDS.key("positions"), "interactions:0") == b"1"


async def test_who_has_lost_a_shard_cannot_even_begin(client, redis_url):
    late = StateStore(redis_url, COMMANDS, epoch="me/0", shards=SHARDS)
    with pytest.raises(LeaseLost):
        await late.commit(Effects())


async def test_a_commit_whose_reply_was_lost_is_not_made_twice(store, client):
    stream, attempts = MemoryStream(), []
    effects = stream.run(item_upsert(0))
    check = store._check

    def lose_the_first_reply(replies):
        attempts.append(1)
        if len(attempts) == 1:
            store.close()
            raise ConnectionError("the reply is lost")
        check(replies)

    store._check = lose_the_first_reply
    await store.commit(effects)
    assert len(attempts) == 1
    assert await client.lrange(COMMANDS.key("known"), 0, -1) == [b"i1"]


async def test_a_command_that_redis_refuses_for_good_is_an_error(store, client):
    await client.set(COMMANDS.key("known"), "not a list")
    with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
        await store.commit(MemoryStream().run(item_upsert(0)))


async def test_a_link_takes_a_long_pipeline_and_tells_errors_from_values(redis_url):
    connection = await connected(redis_url)
    values = [bytes([n % 256]) * n for n in range(2_000)]
    await connection.call(("SET", f"key-{n}", value) for n, value in enumerate(values))
    assert await connection.call([("MGET", *(f"key-{n}" for n in range(2_000)))]) == [values]
    (reply,) = await connection.call([("NO-SUCH-COMMAND",)])
    assert "unknown command" in str(reply)
    connection.close()
    with pytest.raises(ConnectionError):
        await connection.call([("PING",)])


async def test_one_command_has_the_lease_and_the_next_waits_for_it(client, monkeypatch):
    keys = (COMMANDS.key("lease"), COMMANDS.key("epoch"))
    first, second = Lease(client, *keys, "first"), Lease(client, *keys, "second")
    taken = await first.acquire()
    assert taken.startswith("first/")
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(3 * lease_module.RETRY_S)
    assert not waiting.done()
    await first.release()
    assert (await waiting).startswith("second/")


async def test_an_expired_lease_that_was_taken_is_lost(client, monkeypatch):
    monkeypatch.setattr(lease_module, "RENEW_S", 0.05)
    keys = (COMMANDS.key("lease"), COMMANDS.key("epoch"))
    first, second = Lease(client, *keys, "first"), Lease(client, *keys, "second")
    await first.acquire()
    kept = asyncio.create_task(first.keep())
    await asyncio.sleep(0.2)
    assert not kept.done()
    await client.delete(keys[0])
    await second.acquire()
    with pytest.raises(LeaseLost, match="taken over"):
        await kept


async def test_ids_that_were_stored_for_all_shards_are_remembered_for_two_generations(
    store, client
):
    await client.hset(COMMANDS.key("dedupe"), mapping={"generation": 4, "started_at": START})
    await client.append(COMMANDS.key("marks:4"), pack([fingerprint("known")]))
    stream = MemoryStream(dedupe_window_s=10.0)
    await store.restore(stream.memory, START)
    for second, duplicates, is_there in ((20, 1, True), (31, 0, True), (42, 1, False)):
        known = interaction(second, event_id="known")
        effects = stream.run(known, interaction(second), now=float(second))
        assert effects.counts["interactions", "duplicate"] == duplicates
        await store.commit(effects)
        assert bool(await client.exists(COMMANDS.key("dedupe"))) == is_there
    assert await client.exists(COMMANDS.key("marks:4")) == 0
