"""The backtest and the live workers: the same log, the same bytes in the store, the same lists."""

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

import httpx
import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from features.stores.commands import RedisCommands
from millstream.batches import decode_table
from millstream.codec import decode
from millstream.settings import Settings
from millstream.topics import EXAMPLES, IMPRESSIONS
from serving.recommend.query import Query
from serving.users import StoredUsers
from simulation.cadence import Cadence
from simulation.log import first_seen
from simulation.loop import Loop
from simulation.store import SimulatedStore
from stream.storage.store import StateStore
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.small_log import START_S, small_log
from tests.support.stream_cases import MemoryStream, interaction, state_commands
from tests.support.stream_outcome import send, wait_processed
from tests.support.topics import read

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


def ask(port: int, users: Sequence[str]) -> None:
    for user in users:
        answer = httpx.post(
            f"http://127.0.0.1:{port}/v1/recommend", json={"user_id": user, "k": 5}, timeout=30
        )
        assert answer.status_code == 200 and set(answer.json()["degraded"]) <= {"all_seen"}


async def test_the_same_log_gives_the_same_lists(installation: Installation, tmp_path):
    """Live stream, trainer and serving against the backtest's loop, which learns from the same log.

    How the stream cuts its batches is a matter of load, and decides what the trainer learns
    together: the loop's trainer gets the examples in the messages of the live stream.
    """
    log = small_log(events=400, pairs=20)
    log = replace(log, times=log.times - START_S + time.time() - 700.0)
    upserts, events = first_seen(log), [log.event(place) for place in range(len(log))]
    installation.choose(
        allowed_lateness_s=3_600.0,
        exploration=0.0,
        diversity="none",
        request_budget_ms=20_000,
        snapshot_interval_s=0.5,
    )
    installation.run("serve", ready=installation.serving_listens, timeout_s=180)
    installation.run("train", ready=installation.trainer_listens, timeout_s=180)
    stream = installation.run("stream", ready=installation.stream_listens, timeout_s=180)
    settings = installation.settings
    for sent in (upserts, events):
        send(settings, sent)
    wait_processed(installation, len(upserts) + len(events), 180)
    broker = settings.kafka_bootstrap_servers
    examples = read(broker, settings.topic(EXAMPLES), 1, quiet_s=3.0)
    learnt = sum(decode_table(message.value).num_rows for message in examples)
    assert learnt > len(log)
    eventually(
        lambda: scrape(settings.serving_port)["millstream_serving_snapshot_examples"] == learnt,
        "all examples are in the served weights",
        120,
    )
    stream.kill()  # what is shown from now on changes nothing
    ask(settings.serving_port, [*log.user_ids, "a stranger"])
    shown = read(broker, settings.topic(IMPRESSIONS), len(log.user_ids) + 1)
    lists = sorted((decode(each.value) for each in shown), key=lambda each: each.event_time)

    loop = Loop(settings, tmp_path, Cadence(snapshot_s=inf), float(log.times[0]))
    await loop.start()
    for event in (*upserts, *events):
        loop.send(event)
    learn = loop.learning.consume
    loop.learning.consume = lambda messages: None  # its own batches
    await loop.tick(lists[0].event_time)
    learn(examples)
    await loop.publish()
    for live in lists:
        made = await loop.ask(Query(live.user_id, 5), live.event_time)
        assert [item.item_id for item in made.items] == [item.item_id for item in live.items]
        for one, other in zip(made.items, live.items, strict=True):
            assert one.score == pytest.approx(other.score, rel=1e-5)
            assert one.features == other.features
    loop.close()


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
