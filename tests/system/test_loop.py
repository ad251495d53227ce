"""The whole loop: events in, features, weights and lists that learned from them out."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis

from deploy.local import LocalServices
from features.feature import View
from features.spec import USER_STATS
from features.stores.redis_online import RedisOnlineStore
from millstream.cli.probe import PROBE_USER
from millstream.scraping import Scrape
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.redis_databases import RedisDatabases

ITEMS = {f"{taste}-{number}": taste for taste in ("jazz", "metal") for number in range(40)}
LISTENERS = {f"{taste}-fan-{number}": taste for taste in ("jazz", "metal") for number in range(30)}
EVENTS = 5_000


class Loop:
    """An installation with every worker, fed with a planted rule: fans like their own genre."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        port = installation.settings.serving_port
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)

    def metrics(self, port: int) -> Scrape:
        return Scrape.of(f"http://127.0.0.1:{port}/metrics")

    def recommend(self, user_id: str, **body: object) -> dict:
        answer = self.http.post("/v1/recommend", json={"user_id": user_id, "k": 10, **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, *events: dict) -> None:
        answer = self.http.post("/v1/events", json=list(events))
        assert answer.status_code == 202, answer.text

    def features(self, view: View, entity: str) -> dict:
        redis = Redis.from_url(self.installation.settings.redis_url)
        store = RedisOnlineStore(redis, self.installation.settings.feast_project)
        (table,) = store.read([(view, [entity])])
        redis.close()
        return table.to_pylist()[0]


def events(seed: int = 7) -> Iterator[dict]:
    """The catalogue, then a history in which nine of ten ratings follow the rule."""
    chance, now_s = random.Random(seed), time.time()
    start_s = now_s - EVENTS * 0.5
    for item, taste in ITEMS.items():
        catalogue = {"type": "item", "item_id": item, "title": item, "categories": [taste]}
        yield {**catalogue, "event_time": start_s - 1.0}
    for number in range(EVENTS):
        user, taste = chance.choice(list(LISTENERS.items()))
        item, genre = chance.choice(list(ITEMS.items()))
        liked = (taste == genre) == (chance.random() < 0.9)
        yield {
            "type": "interaction",
            "user_id": user,
            "item_id": item,
            "kind": "rating",
            "value": 5 if liked else 1,
            "event_time": start_s + number * 0.5,
        }


@pytest.fixture(scope="module")
def loop(
    services: LocalServices,
    redis_databases: RedisDatabases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Loop]:
    folder: Path = tmp_path_factory.mktemp("loop")
    prefix = Installation.fresh_prefix("loop")
    url = redis_databases.empty_one()
    history = folder / "history.jsonl"
    history.write_text("".join(json.dumps(event) + "\n" for event in events()))
    with Installation(
        services.bootstrap_servers,
        url,
        prefix,
        folder,
        snapshot_interval_s=1.0,
        exploration=0,
        probe_interval_s=0.5,
        request_budget_ms=5_000,
        join_window_s=5.0,
        allowed_lateness_s=EVENTS * 0.5,  # the history is replayed: its partitions are out of step
        batch_size=64,  # the history comes at once: many small steps learn more from it
    ) as own:
        own.forks = False
        own.create_topics()
        own.run("serve")
        own.run("train")
        own.run("stream", ready=own.stream_listens, timeout_s=120)
        assert own.run("publish", str(history)).wait(60) == 0
        own.run("probe")
        loop = Loop(own)
        port = own.settings.trainer_metrics_port
        eventually(
            lambda: loop.metrics(port).total("millstream_trainer_examples_total") >= EVENTS,
            "the history is learnt",
            150,
        )
        eventually(lambda: served_version(loop) >= 1, "a snapshot is served", 60)
        yield loop
        loop.http.close()


def served_version(loop: Loop) -> float:
    port = loop.installation.settings.serving_port
    return loop.metrics(port).value("millstream_serving_snapshot_version") or 0


def test_the_planted_rule_is_learnt(loop):
    port = loop.installation.settings.trainer_metrics_port
    auc = loop.metrics(port).value(
        "millstream_trainer_progressive_auc", segment="all", span="window", task="positive"
    )
    assert auc > 0.7


def test_everybody_gets_what_people_like_them_like(loop):
    def lists_follow_taste() -> bool:
        hits = [
            ITEMS[place["item_id"]] == taste
            for fan, taste in list(LISTENERS.items())[::6]
            for place in loop.recommend(fan, diversity="none")["items"]
        ]
        return sum(hits) / len(hits) > 0.7

    eventually(lists_follow_taste, "most of the lists' places follow the taste", 60)


def test_ten_events_change_the_features_and_the_list_of_a_new_user(loop):
    before = loop.recommend("newcomer", diversity="none")
    assert len(before["items"]) == 10
    assert loop.features(USER_STATS, "newcomer")["user_events_1h"] in (None, 0.0)
    liked = [item for item, taste in ITEMS.items() if taste == "metal"][:10]
    ratings = {"type": "interaction", "user_id": "newcomer", "kind": "rating"}
    loop.post(*({**ratings, "item_id": item, "value": 5} for item in liked))
    disliked = [item for item, taste in ITEMS.items() if taste == "jazz"][:10]
    loop.post(*({**ratings, "item_id": item, "value": 1} for item in disliked))

    def features_have_moved() -> bool:
        return (loop.features(USER_STATS, "newcomer")["user_events_1h"] or 0) > 15

    def list_is_metal() -> bool:
        items = [
            place["item_id"] for place in loop.recommend("newcomer", diversity="none")["items"]
        ]
        assert not set(items) & set(liked), "what the user has seen is not shown again"
        return sum(ITEMS[item] == "metal" for item in items) >= 8

    eventually(features_have_moved, "the new events are in the features", 10)
    eventually(list_is_metal, "the list has learnt the new taste", 60)


def test_feedback_on_a_list_is_learnt_with_the_features_it_was_shown_with(loop):
    port = loop.installation.settings.stream_metrics_port
    shown = loop.recommend("jazz-fan-1")

    def joined() -> float:
        return loop.metrics(port).total("millstream_stream_examples_total", origin="impression")

    before = joined()
    time.sleep(1.0)  # the impression is logged without blocking the answer
    loop.post(
        {
            "type": "interaction",
            "user_id": "jazz-fan-1",
            "item_id": shown["items"][0]["item_id"],
            "kind": "click",
            "request_id": shown["request_id"],
            "position": 0,
        }
    )
    eventually(lambda: joined() > before, "the click met its list", 20)
    eventually(lambda: joined() >= before + 10, "the rest of the list became negatives", 40)


def test_probes_measure_every_leg_of_the_loop_and_leave_no_trace(loop):
    settings = loop.installation.settings

    def measured() -> bool:
        stream, trainer, serving = (
            loop.metrics(port)
            for port in (
                settings.stream_metrics_port,
                settings.trainer_metrics_port,
                settings.serving_port,
            )
        )
        return None not in (
            stream.quantile("millstream_stream_event_to_feature_seconds", 0.5),
            trainer.quantile("millstream_trainer_event_to_learnt_seconds", 0.5),
            serving.quantile("millstream_serving_event_to_weights_seconds", 0.5),
            serving.quantile("millstream_serving_item_to_retrievable_seconds", 0.5),
        )

    eventually(measured, "every histogram has counted a probe", 60)
    popular = loop.http.get("/v1/popular", params={"k": 100}).json()["items"]
    assert not any(place["item_id"].startswith("__probe") for place in popular)
    assert PROBE_USER.startswith("__probe")
