"""The same log through the live workers and through the backtest's loop, and the lists of both."""

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

import httpx

from millstream.batches import decode_table
from millstream.codec import decode
from millstream.events import Impression
from millstream.topics import EXAMPLES, IMPRESSIONS
from serving.recommend.query import Query, Recommendation
from simulation.cadence import Cadence
from simulation.log import EventLog, first_seen
from simulation.loop import Loop
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.small_log import START_S
from tests.support.stream_outcome import send, wait_processed
from tests.support.topics import read

K = 5


async def lists_of_both(
    own: Installation, folder: Path, log: EventLog, timeout_s: float = 180.0
) -> list[tuple[Impression, Recommendation]]:
    """The lists of every user and of a stranger, live and in the backtest's loop, in pairs.

    How the stream cuts its batches is a matter of load, and decides what the trainer learns
    together: the loop's trainer gets the examples in the messages of the live stream.

    Args:
        own: without workers.
        folder: for the loop.
        log: from `small_log`; its events are moved to the last minutes.
    """
    log = replace(log, times=log.times - START_S + time.time() - 700.0)
    upserts, events = first_seen(log), [log.event(place) for place in range(len(log))]
    own.choose(
        allowed_lateness_s=3_600.0,
        exploration=0.0,
        diversity="none",
        request_budget_ms=20_000,
        snapshot_interval_s=0.5,
    )
    own.run("serve", ready=own.serving_listens, timeout_s=timeout_s)
    own.run("train", ready=own.trainer_listens, timeout_s=timeout_s)
    stream = own.run("stream", ready=own.stream_listens, timeout_s=timeout_s)
    settings = own.settings
    for sent in (upserts, events):
        send(settings, sent)
    wait_processed(own, len(upserts) + len(events), timeout_s)
    broker = settings.kafka_bootstrap_servers
    examples = read(broker, settings.topic(EXAMPLES), 1, quiet_s=3.0)
    learnt = sum(decode_table(message.value).num_rows for message in examples)
    assert learnt > len(log)
    eventually(
        lambda: scrape(settings.serving_port)["millstream_serving_snapshot_examples"] == learnt,
        "all examples are in the served weights",
        timeout_s,
    )
    stream.kill()  # what is shown from now on changes nothing
    _ask(settings.serving_port, [*log.user_ids, "a stranger"])
    shown = read(broker, settings.topic(IMPRESSIONS), len(log.user_ids) + 1)
    live = sorted((decode(each.value) for each in shown), key=lambda each: each.event_time)

    loop = Loop(settings, folder, Cadence(snapshot_s=inf), float(log.times[0]))
    await loop.start()
    for event in (*upserts, *events):
        loop.send(event)
    learn = loop.learning.consume
    loop.learning.consume = lambda messages: None  # its own batches
    await loop.tick(live[0].event_time)
    learn(examples)
    await loop.publish()
    made = [await loop.ask(Query(each.user_id, K), each.event_time) for each in live]
    loop.close()
    return list(zip(live, made, strict=True))


def _ask(port: int, users: Sequence[str]) -> None:
    for user in users:
        answer = httpx.post(
            f"http://127.0.0.1:{port}/v1/recommend", json={"user_id": user, "k": K}, timeout=30
        )
        assert answer.status_code == 200 and set(answer.json()["degraded"]) <= {"all_seen"}
