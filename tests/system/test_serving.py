"""The serving worker with a real broker and a real Redis."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local import LocalServices
from millstream.codec import decode
from millstream.events import Impression, ItemUpsert
from millstream.snapshots import Announcement, Control, read_control, write_control
from millstream.snapshots.manifest import directory_name
from millstream.topics import IMPRESSIONS, SNAPSHOTS
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.redis_databases import RedisDatabases
from tests.support.scrape import scrape
from tests.support.serving_worker import ITEMS, Served, worker
from tests.support.topics import publish, read


@pytest.fixture(scope="module")
def served(
    services: LocalServices,
    redis_databases: RedisDatabases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """One worker for all tests that leave its services alone; it takes seconds to start."""
    folder, prefix = tmp_path_factory.mktemp("serving"), Installation.fresh_prefix("serving")
    with worker(services.bootstrap_servers, redis_databases.empty_one(), prefix, folder) as found:
        yield found


class Load:
    """People who each ask again a moment after their answer, so that they never are too many.

    Attributes:
        seen: how many answers ended how, and how many came with which version.
    """

    PEOPLE, PAUSE_S = 4, 0.1

    def __init__(self, url: str) -> None:
        self._url, self._stop = url, asyncio.Event()
        self.seen: Counter[str] = Counter()

    async def run(self) -> None:
        """Ask until `stop`."""
        async with httpx.AsyncClient(timeout=60) as client, asyncio.TaskGroup() as tasks:
            for person in range(self.PEOPLE):
                tasks.create_task(self._ask(client, person))

    def stop(self) -> None:
        """Let everybody end with the answer they wait for."""
        self._stop.set()

    async def more(self, answers: int) -> None:
        """Wait until so many more complete lists have come, or something else has."""
        last = self.seen["ok"] + answers

        def has_come() -> bool:
            return self.seen["ok"] >= last or bool(self.other())

        await asyncio.to_thread(eventually, has_come, f"{answers} more lists", 120)

    def other(self) -> list[str]:
        """What was no complete list."""
        return [outcome for outcome in self.seen if outcome.startswith(("wrong", "failed"))]

    async def _ask(self, client: httpx.AsyncClient, number: int) -> None:
        while not self._stop.is_set():
            number += self.PEOPLE
            body = {"user_id": f"u{number % 50}", "k": 20}
            try:
                answer = await client.post(f"{self._url}/v1/recommend", json=body)
                listed = answer.json()
                complete = answer.status_code == 200 and len(listed["items"]) == 20
                is_ok = complete and not listed["degraded"]
                self.seen["ok" if is_ok else f"wrong: {answer.text[:300]}"] += 1
                self.seen[f"version {listed.get('model_version')}"] += 1
            except httpx.HTTPError as error:
                self.seen[f"failed: {error!r}"] += 1
            await asyncio.sleep(self.PAUSE_S)


async def test_snapshots_are_swapped_in_under_load_without_one_failed_request(served: Served):
    first = served.write_and_serve()
    load = Load(f"http://127.0.0.1:{served.port}")
    running = asyncio.create_task(load.run())
    await load.more(20)
    for number in range(6):
        parent = None if number == 3 else served.newest
        await asyncio.to_thread(served.write, parent)
        await load.more(40)
    last = str(served.newest)
    await asyncio.to_thread(eventually, lambda: served.version() == last, "the last is served", 60)
    load.stop()
    await running
    assert load.other() == []
    assert load.seen["ok"] > 200
    assert load.seen[f"version {first}"] > 0
    assert len([outcome for outcome in load.seen if outcome.startswith("version")]) >= 3


def test_an_operators_word_holds_against_a_newer_version_until_it_is_lifted(served: Served):
    first = served.write_and_serve()
    served.write_and_serve(parent=first)
    root = served.snapshots.writer.root
    number = read_control(root).number + 1
    write_control(root, Control(number=number, action="rollback", version=first))
    eventually(lambda: served.version() == str(first), "the first is served again", 30)
    newest = served.write()
    told = Announcement(version=newest, status="published", kind="full", path="", created_at=0.0)
    topic = served.installation.settings.topic(SNAPSHOTS)
    servers = served.installation.settings.kafka_bootstrap_servers
    publish(servers, topic, [(None, b"[" * 50_000), (None, told.encode())])
    refused = 'millstream_serving_feed_errors_total{topic="snapshots"}'
    eventually(lambda: scrape(served.port).get(refused, 0) >= 1, "the garbage is counted", 30)
    assert served.version() == str(first)
    write_control(root, Control(number=number + 1))
    eventually(lambda: served.version() == str(newest), "the newest is served", 30)


def test_a_corrupt_snapshot_is_not_served_and_the_old_one_goes_on(served: Served):
    first = served.write_and_serve()
    corrupt = served.write(publish=False)
    folder = served.snapshots.writer.root / directory_name(corrupt)
    part = folder / "ranker.dense.safetensors"
    sound = part.read_bytes()
    part.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    served.snapshots.writer.point_latest(corrupt)
    failed = 'millstream_serving_swaps_total{outcome="failed"}'
    eventually(lambda: scrape(served.port).get(failed, 0) >= 1, "the swap has failed", 30)
    assert served.recommend()["model_version"] == str(first)


def test_a_new_item_can_be_retrieved_at_once_and_a_hidden_one_no_more(served: Served):
    served.write_and_serve()
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


def test_what_was_shown_is_logged_with_the_features_it_was_scored_with(served: Served):
    version = served.write_and_serve()
    user = f"logged-{uuid.uuid4().hex}"
    shown = served.recommend(user_id=user, k=4, context={"page": "home"}, explain=True)
    settings = served.installation.settings
    records = read(
        settings.kafka_bootstrap_servers, settings.topic(IMPRESSIONS), count=1, quiet_s=2.0
    )
    (logged,) = [found for found in map(logged_list, records) if found.user_id == user]
    assert logged.request_id == shown["request_id"]
    assert (logged.model_version, logged.context) == (str(version), {"page": "home"})
    assert [item.item_id for item in logged.items] == [i["item_id"] for i in shown["items"]]
    assert [item.features for item in logged.items] == [i["features"] for i in shown["items"]]
    assert logged.items[0].features["item_categories"] in (["even"], ["odd"])
    assert logged.user_features == shown["user_features"]


def logged_list(record) -> Impression:
    return decode(record.value, Impression)


def test_probe_items_are_measured_and_never_shown(served: Served):
    served.write_and_serve()
    count = "millstream_serving_item_to_retrievable_seconds_count"
    before = scrape(served.port)[count]
    for number in range(3):
        probe = ItemUpsert(
            event_id=f"p{number}",
            event_time=time.time(),
            item_id=f"__probe_item__{number}",
            is_probe=True,
        )
        served.send(probe)
    eventually(lambda: scrape(served.port)[count] == before + 3, "the probes are counted", 20)
    shown = {item["item_id"] for item in served.recommend(k=500)["items"]}
    assert len(shown) >= len(ITEMS)
    assert not any(item_id.startswith("__probe") for item_id in shown)


def test_events_are_published_and_the_wrong_ones_of_a_batch_are_named(served: Served):
    good = {"type": "interaction", "user_id": "u1", "item_id": "3", "kind": "click"}
    answer = served.http.post("/v1/events", json=[good, {**good, "item_id": ""}, good])
    assert answer.status_code == 202
    assert len(set(answer.json()["event_ids"])) == 2
    assert answer.json()["errors"][0]["path"] == "$[1].item_id"


def test_an_unknown_user_gets_a_full_list_without_a_model_without_redis_without_a_broker(
    own_services: LocalServices, topic_prefix: str, tmp_path: Path
):
    servers, redis_url = own_services.bootstrap_servers, own_services.redis_url
    with worker(servers, redis_url, topic_prefix, tmp_path) as served:

        def degraded() -> list[str]:
            answer = served.recommend(user_id="nobody", k=12)
            assert len(answer["items"]) == 12
            return answer["degraded"]

        assert degraded() == ["model"]
        first = served.write_and_serve()
        assert degraded() == []

        own_services.redis.stop()
        assert degraded() == ["user_store"]
        assert scrape(served.port)['millstream_serving_degraded_total{reason="user_store"}'] >= 1
        own_services.redis.start()
        eventually(lambda: degraded() == [], "Redis is used again", 20)

        own_services.kafka.stop()
        assert degraded() == []
        event = {"type": "interaction", "user_id": "u", "item_id": "1", "kind": "click"}
        assert served.http.post("/v1/events", json=event).status_code == 503
        served.write_and_serve(parent=first)  # the file says it where no announcement comes
