"""A new installation from a log: on the first half by bucket, on the rest as if it had streamed."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis import Redis

from features.spec import USER_STATS, VIEWS
from features.stores.redis_online import Layouts, RedisOnlineStore
from millstream.codec import encode
from millstream.errors import ConfigurationError, StoreUnavailable
from stream.history.bootstrap import Seeded, has_rows, put_rows, seed
from stream.history.engine import Engine
from stream.history.tail import TOUCHED, split
from stream.ingest.decode import touches_record
from stream.ingest.records import EventRecord, SourceRecord, TopicPartition
from stream.outputs.messages import touches_messages
from stream.processing.batch import process
from stream.processing.prefetch import prefetch
from stream.state.entities import items_bytes, users_bytes
from stream.state.memory import Rules, empty_memory
from stream.storage.seeding import Seeding
from stream.storage.store import StateStore
from tests.support.installation import Installation
from tests.support.stream_cases import START, MemoryStream, event_entry, impression, state_commands
from tests.support.stream_outcome import online, send, wait_processed
from tests.unit.stream.history.test_engine import last_of, log

COMMANDS, LAYOUTS = state_commands(), Layouts("millstream")
RULES = Rules(sampled_negatives=1, negative_shares={"uniform": 0.5, "popular": 0.5})
CUT = START + 80.0


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        redis.set(COMMANDS.key("epoch"), "me/1")
        yield redis


@pytest.fixture
async def store(client: Redis, redis_url: str) -> AsyncIterator[StateStore]:
    opened = StateStore(redis_url, COMMANDS, epoch="me/1")
    yield opened
    opened.close()


def records() -> list[EventRecord]:
    """A log with lists among its events; none is late by more than is waited for."""
    shown = [impression(n, f"r{n}", [f"i{n % 8}"], user="u1") for n in (30, 90, 120)]
    own = sorted([*(r.event for r in log(5)), *shown], key=lambda e: e.event_time)
    return [event_entry(event, offset=n) for n, event in enumerate(own)]


async def bootstrapped(
    folder: Path, read: Sequence[EventRecord], client: Redis, store: StateStore
) -> tuple[Seeded, list[bytes]]:
    """All but the last step."""
    engine, learnt = Engine(folder, RULES, "test", buckets=2), list[bytes]()
    outcome = engine.run(lambda: split(read, CUT, before=True))
    seeding = Seeding(client, "test.", LAYOUTS, store)
    seeding.begin(force=False)
    newer = split(read, CUT, before=False)
    return await seed(outcome, RULES, seeding, store, newer, learnt.append), learnt


async def stream_on(redis_url: str, rest: Sequence[EventRecord], size: int = 20) -> None:
    """Let a worker go on from what Redis holds."""
    store, memory = StateStore(redis_url, COMMANDS, epoch="me/1"), empty_memory(RULES)
    try:
        await store.restore(memory, START + 1e6)
        for n in range(0, len(rest), size):
            entries: list[Any] = list(rest[n : n + size])
            while entries:
                needs = prefetch(entries, memory, RULES)
                missing = memory.users.missing(needs.users), memory.items.missing(needs.items)
                await store.load(memory, *missing)
                effects = process(needs, memory, RULES, START + 1e6)
                await store.commit(effects)
                first = memory.positions.get(TOUCHED, 0)
                entries = [
                    touches_record(SourceRecord(TOUCHED, first + place, None, message.value))
                    for place, message in enumerate(touches_messages(effects))
                ]
    finally:
        store.close()


async def test_bootstrap_and_stream_leave_what_streaming_everything_leaves(
    client: Redis, store: StateStore, redis_url: str, tmp_path: Path
) -> None:
    whole = records()
    half = 2 * len(whole) // 3
    seeded, learnt = await bootstrapped(tmp_path / "work", whole[:half], client, store)
    assert 0 < seeded.examined < half
    assert learnt
    memory = seeded.memory
    await store.finish_seeding(
        memory.positions, memory.watermark.max_event_times, {"items": "log-1"}, {}
    )
    # The topics still hold events that the log had: they count once.
    await stream_on(redis_url, whole[half - 10 :])

    stream = MemoryStream(sampled_negatives=1, negative_shares={"uniform": 0.5, "popular": 0.5})
    effects = [stream.run_entries(whole[n : n + 25]) for n in range(0, len(whole), 25)]
    users = {user for e in effects for user in e.state.users}
    for user in users:
        assert (
            client.get(COMMANDS.key(f"user:{user}")) == users_bytes([stream.memory.users[user]])[0]
        )
    for item in {item for e in effects for item in e.state.items}:
        stored = client.get(COMMANDS.key(f"item:{item}"))
        assert stored == items_bytes([stream.memory.items[item]])[0]
    for view in VIEWS:
        last = last_of(effects, view)
        (found,) = RedisOnlineStore(client, "millstream").read([(view, list(last))])
        assert {row[view.key]: row for row in found.to_pylist()} == last
    known = [each.decode() for each in client.lrange(COMMANDS.key("known"), 0, -1)]
    assert known == stream.memory.known_items.items


async def test_a_state_that_is_not_whole_is_not_taken_for_one(
    client: Redis, store: StateStore, redis_url: str, tmp_path: Path
) -> None:
    await bootstrapped(tmp_path / "work", records(), client, store)
    with pytest.raises(StoreUnavailable, match="has not come to its end"):
        await stream_on(redis_url, [])
    client.set("other.stream:known", "kept")
    # Again, from the beginning of what was not finished: nothing is there twice.
    again = StateStore(redis_url, COMMANDS, epoch="me/1")
    seeded, _ = await bootstrapped(tmp_path / "work", records(), client, again)
    await again.finish_seeding({TopicPartition("interactions", 0): 9}, {}, {}, {})
    again.close()
    known = client.lrange(COMMANDS.key("known"), 0, -1)
    assert [each.decode() for each in known] == seeded.memory.known_items.items
    assert client.hgetall(COMMANDS.key("positions")) == {b"interactions:0": b"9"}
    await stream_on(redis_url, [])
    assert client.get("other.stream:known") == b"kept"
    with pytest.raises(ConfigurationError, match="--force replaces it"):
        Seeding(client, "test.", LAYOUTS, again).begin(force=False)


async def test_rows_of_a_run_come_into_the_offline_store_once(
    client: Redis, store: StateStore, tmp_path: Path
) -> None:
    await bootstrapped(tmp_path / "work", records(), client, store)
    made, offline = tmp_path / "work" / "offline", tmp_path / "offline"
    put_rows(made, offline)
    put_rows(made, offline)
    assert not has_rows(offline)  # none but a run's own
    for view in VIEWS:
        names = {path.name for path in (made / view.name).glob("part-*")}
        assert {path.name for path in (offline / view.name).glob("part-*")} == names
        assert np.all([(offline / view.name / name).stat().st_size for name in names])


def test_the_command_begins_an_installation_and_the_workers_go_on(
    installation: Installation,
) -> None:
    own, whole = installation, [record.event for record in records()]
    half = 2 * len(whole) // 3
    path = own.folder / "log.jsonl"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in whole[:half]))
    send(own.settings, whole[half - 10 :])  # the topics still hold events that the log has
    asked = ("bootstrap", str(path), "--out", str(own.folder / "work"), "--processes", "1")
    begun = own.run(*asked, "--buckets", "2", "--no-train")
    assert begun.wait(120) == 0, begun.log_tail()

    own.run("stream", ready=own.stream_listens)
    wait_processed(own, len(whole) - half + 10)
    stream = MemoryStream()
    effects = stream.run_entries([event_entry(event, offset=n) for n, event in enumerate(whole)])
    last = last_of([effects], USER_STATS)
    found = {row["user_id"]: row for row in online(own.settings, USER_STATS, list(last))}
    assert found == last
    refused = own.run(*asked[:3], str(own.folder / "other"), "--no-train")
    assert refused.wait(60) == 1
    assert "--force" in refused.log_tail()
