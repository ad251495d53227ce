"""The serving worker with a real broker and a real Redis."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local import LocalServices
from millstream import kafka
from millstream.codec import decode
from millstream.events import Interaction, ItemUpsert
from millstream.ids import id64_array
from millstream.publishing import Publisher
from millstream.snapshots import Announcement
from millstream.topics import IMPRESSIONS, SNAPSHOTS
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.served_snapshots import SnapshotMaker
from tests.support.topics import read

ITEMS = [
    ItemUpsert(
        event_id=f"upsert-{number}",
        event_time=time.time(),
        item_id=str(number),
        title=f"Number {number} of many {number * 7919}",
        categories=["even" if number % 2 == 0 else "odd"],
        attributes={"release_year": 1900.0 + number % 100},
    )
    for number in range(400)
]
IDS = id64_array([item.item_id for item in ITEMS])


# What is tested here is what is answered, not how soon: a busy machine must not degrade a list.
PATIENT = {"exploration": 0, "request_budget_ms": 5_000}


class Served:
    """An installation whose serving worker runs and knows `ITEMS`."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.snapshots = SnapshotMaker(installation.settings.snapshot_dir, IDS)
        self.port = installation.settings.serving_port
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10)
        self._producer = kafka.producer(installation.settings)
        self._publisher = Publisher(self._producer, installation.settings)

    def start(self) -> "Served":
        self.installation.run("serve", ready=self.installation.serving_listens, timeout_s=180)
        eventually(lambda: self.ready()["items"] >= len(ITEMS), "the catalogue is there", 60)
        return self

    def send(self, *events: ItemUpsert | Interaction) -> None:
        for event in events:
            self._publisher.send(event)
        self._publisher.flush()

    def __enter__(self) -> "Served":
        self.send(*ITEMS)
        return self.start()

    def __exit__(self, *raised: object) -> None:
        self.http.close()
        self._producer.close()

    def ready(self) -> dict:
        return self.http.get("/readyz").json()

    def version(self) -> str:
        return self.ready()["model_version"]

    def recommend(self, **body) -> dict:
        answer = self.http.post("/v1/recommend", json={"user_id": "u1", **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def serve_version(self, version: int, **options) -> None:
        self.snapshots.write(version, **options)
        eventually(lambda: self.version() == str(version), f"{version} is served", 60)


@pytest.fixture
def served(installation: Installation) -> Iterator[Served]:
    installation.choose(**PATIENT)
    with Served(installation) as worker:
        yield worker


@contextmanager
def own_worker(services: LocalServices, prefix: str, folder: Path) -> Iterator[Served]:
    """A worker on services that the test may end."""
    servers, redis_url = services.bootstrap_servers, services.redis_url
    with Installation(servers, redis_url, prefix, folder, **PATIENT) as installation:
        installation.create_topics()
        with Served(installation) as worker:
            yield worker


async def load(url: str, stop: asyncio.Event, per_second: float) -> Counter:
    """Requests at a steady rate until `stop`; how many ended how, and with which version."""
    seen: Counter = Counter()

    async def one(client: httpx.AsyncClient, number: int) -> None:
        body = {"user_id": f"u{number % 50}", "k": 20}
        try:
            answer = await client.post(f"{url}/v1/recommend", json=body)
            listed = answer.json()
            complete = answer.status_code == 200 and len(listed["items"]) == 20
            seen[
                "ok" if complete and not listed["degraded"] else f"wrong: {answer.text[:300]}"
            ] += 1
            seen[f"version {listed.get('model_version')}"] += 1
        except httpx.HTTPError as error:
            seen[f"failed: {error!r}"] += 1

    async with httpx.AsyncClient(timeout=10) as client, asyncio.TaskGroup() as tasks:
        number = 0
        while not stop.is_set():
            tasks.create_task(one(client, number))
            number += 1
            await asyncio.sleep(1 / per_second)
    return seen


async def test_snapshots_are_swapped_in_under_load_without_one_failed_request(served: Served):
    served.serve_version(1)
    stop = asyncio.Event()
    url = f"http://127.0.0.1:{served.port}"
    running = asyncio.create_task(load(url, stop, per_second=40))
    for version in range(2, 8):
        served.snapshots.write(version, parent=None if version == 5 else version - 1)
        await asyncio.sleep(1.5)
    await asyncio.to_thread(
        eventually, lambda: served.version() == "7", "the last version is served", 30
    )
    stop.set()
    seen = await running
    assert [outcome for outcome in seen if outcome.startswith(("wrong", "failed"))] == []
    assert seen["ok"] > 200
    assert len([outcome for outcome in seen if outcome.startswith("version")]) >= 5


def test_a_rollback_brings_the_version_back_that_was_announced(served: Served):
    served.serve_version(1)
    served.serve_version(2, parent=1)
    back = Announcement(version=1, status="rolled_back", kind="full", path="", created_at=0.0)
    client = kafka.producer(served.installation.settings)
    client.send(served.installation.settings.topic(SNAPSHOTS), back.encode()).get(timeout=10)
    client.close()
    eventually(lambda: served.version() == "1", "version 1 is served again", 30)


def test_a_corrupt_snapshot_is_not_served_and_the_old_one_goes_on(served: Served):
    served.serve_version(1)
    served.snapshots.write(2, publish=False)
    part = served.installation.settings.snapshot_dir / "v00000002" / "ranker.dense.safetensors"
    part.write_bytes(part.read_bytes()[:-1] + b"\0")
    served.snapshots.writer.point_latest(2)
    failed = 'millstream_serving_swaps_total{outcome="failed"}'
    eventually(lambda: scrape(served.port).get(failed, 0) >= 1, "the swap has failed", 30)
    assert served.recommend()["model_version"] == "1"


def test_a_new_item_can_be_retrieved_at_once_and_a_hidden_one_no_more(served: Served):
    served.serve_version(1)
    new = {"item_id": "fresh", "title": "Fresh out", "categories": ["brand new"]}
    assert served.http.put("/v1/items", json=new).status_code == 202
    wanted = {"k": 3, "filters": {"categories": ["brand new"]}}
    eventually(
        lambda: [item["item_id"] for item in served.recommend(**wanted)["items"]] == ["fresh"],
        "the new item is retrieved",
        20,
    )
    assert "two_tower" in served.recommend(**wanted)["items"][0]["sources"]
    assert served.http.get("/v1/similar/fresh").json()["degraded"] == []
    served.http.put("/v1/items", json={**new, "hidden": True})
    eventually(lambda: not served.recommend(**wanted)["items"], "the item is hidden", 20)


def test_an_unknown_user_gets_a_full_list_before_and_after_the_first_snapshot(served: Served):
    before = served.recommend(user_id="nobody", k=15)
    assert (len(before["items"]), before["degraded"]) == (15, ["model"])
    served.serve_version(1)
    after = served.recommend(user_id="nobody", k=15)
    assert (len(after["items"]), after["degraded"]) == (15, [])
    assert all(0 < item["score"] < 1 for item in after["items"])


def test_what_was_shown_is_logged_with_the_features_it_was_scored_with(served: Served):
    served.serve_version(1)
    shown = served.recommend(k=4, context={"page": "home"}, explain=True)
    topic = served.installation.settings.topic(IMPRESSIONS)
    servers = served.installation.settings.kafka_bootstrap_servers
    logged = decode(read(servers, topic, 1)[0].value)
    assert logged.request_id == shown["request_id"]
    assert (logged.model_version, logged.context) == ("1", {"page": "home"})
    assert [item.item_id for item in logged.items] == [i["item_id"] for i in shown["items"]]
    assert [item.features for item in logged.items] == [i["features"] for i in shown["items"]]
    assert logged.items[0].features["item_categories"] in (["even"], ["odd"])
    assert logged.user_features == shown["user_features"]


def test_probe_items_are_measured_and_never_shown(served: Served):
    served.serve_version(1)
    count = "millstream_serving_item_to_retrievable_seconds_count"
    for number in range(3):
        probe = ItemUpsert(
            event_id=f"p{number}",
            event_time=time.time(),
            item_id=f"__probe_item__{number}",
            is_probe=True,
        )
        served.send(probe)
    eventually(lambda: scrape(served.port)[count] == 3, "the probes are counted", 20)
    shown = {item["item_id"] for item in served.recommend(k=500)["items"]}
    assert len(shown) == len(ITEMS)
    assert not any(item_id.startswith("__probe") for item_id in shown)


def test_events_are_published_and_the_wrong_ones_of_a_batch_are_named(served: Served):
    good = {"type": "interaction", "user_id": "u1", "item_id": "3", "kind": "click"}
    answer = served.http.post("/v1/events", json=[good, {**good, "item_id": ""}, good])
    assert answer.status_code == 202
    assert len(set(answer.json()["event_ids"])) == 2
    assert answer.json()["errors"][0]["path"] == "$[1].item_id"


def test_a_redis_that_is_gone_degrades_the_answer_and_comes_back(
    own_services: LocalServices, topic_prefix: str, tmp_path
):
    with own_worker(own_services, topic_prefix, tmp_path) as served:
        served.serve_version(1)
        assert served.recommend()["degraded"] == []
        own_services.redis.stop()
        gone = served.recommend(k=12)
        assert (len(gone["items"]), gone["degraded"]) == (12, ["user_store"])
        assert scrape(served.port)['millstream_serving_degraded_total{reason="user_store"}'] >= 1
        own_services.redis.start()
        eventually(lambda: served.recommend()["degraded"] == [], "Redis is used again", 20)


def test_a_broker_that_is_gone_still_leaves_lists_and_refuses_events_with_a_503(
    own_services: LocalServices, topic_prefix: str, tmp_path
):
    with own_worker(own_services, topic_prefix, tmp_path) as served:
        served.serve_version(1)
        own_services.kafka.stop()
        assert len(served.recommend(k=12)["items"]) == 12
        event = {"type": "interaction", "user_id": "u", "item_id": "1", "kind": "click"}
        assert served.http.post("/v1/events", json=event).status_code == 503
        served.serve_version(2, parent=1)  # the file says it where no announcement comes
