"""The backtest and the live workers: the same log, the same bytes in the store, the same lists."""

from typing import Any

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from features.stores.commands import RedisCommands
from millstream.settings import Settings
from serving.users import StoredUsers
from simulation.cadence import Cadence
from simulation.log import first_seen
from simulation.loop import Loop
from simulation.store import SimulatedStore
from stream.storage.store import StateStore
from tests.support.installation import Installation
from tests.support.live_lists import lists_of_both
from tests.support.small_log import START_S, small_log
from tests.support.stream_cases import MemoryStream, interaction, state_commands
from tests.support.stream_outcome import send, wait_processed

SMALL: dict[str, Any] = {"ranker_options": {"hidden": [8]}, "retriever_options": {"hidden": [8]}}


async def test_the_same_log_leaves_the_same_features_and_entities(
    installation: Installation, tmp_path
):
    log = small_log(events=400)
    upserts = first_seen(log)
    events = [log.event(place) for place in range(len(log))]
    installation.choose(allowed_lateness_s=3_600.0)
    installation.run("stream", ready=installation.stream_listens)
    settings = installation.settings
    send(settings, upserts)
    wait_processed(installation, len(upserts))
    send(settings, events)
    wait_processed(installation, len(upserts) + len(events))

    chosen = Settings(**SMALL, allowed_lateness_s=3_600.0, feast_project=settings.feast_project)
    loop = Loop(chosen, tmp_path, Cadence(), START_S)
    await loop.start()
    for event in (*upserts, *events):
        loop.send(event)
    await loop.tick(START_S + 3_600.0)
    loop.close()

    with Redis.from_url(settings.redis_url) as client:
        live = {key: client.hgetall(key) for key in loop.store.hashes}
        prefix = f"{settings.topic_prefix}stream:user:"
        users = {user: client.get(prefix + user) for user in loop.store.users}
    assert live == loop.store.hashes and len(live) > len(log.item_ids)
    assert users == loop.store.users


async def test_the_same_log_gives_the_same_lists(installation: Installation, tmp_path):
    for live, made in await lists_of_both(installation, tmp_path, small_log(events=400, pairs=20)):
        assert [item.item_id for item in made.items] == [item.item_id for item in live.items]
        for one, other in zip(made.items, live.items, strict=True):
            assert one.score == pytest.approx(other.score, rel=1e-5)
            assert one.features == other.features


async def test_serving_reads_the_same_user_from_both_stores(redis_url):
    """A batch with more items than a seen filter holds, so that both filters are in use."""
    stream, commands = MemoryStream(), state_commands()
    effects = stream.run(*(interaction(n, "u1", f"i{n}") for n in range(1_100)))
    simulated, client = SimulatedStore("millstream"), AsyncRedis.from_url(redis_url)
    await client.set(commands.key("epoch"), "1")
    live = StateStore(redis_url, commands, epoch="1")
    await live.commit(effects)
    await simulated.commit(effects)
    one = await StoredUsers(RedisCommands(client), "millstream", "test.").read("u1")
    two = await simulated.read("u1")
    live.close()
    await client.aclose()
    assert one.raw == two.raw and one.raw["user_recent_items"]
    assert [bits.ljust(1_199, b"\0") for bits in one.filters] == list(two.filters)
