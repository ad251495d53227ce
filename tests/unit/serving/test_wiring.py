"""The worker put together: what it says of itself, without a broker, a Redis or a model."""

import asyncio

import httpx
import pyarrow as pa
import pytest

from millstream.settings import Settings
from serving.http.app import create_app
from serving.wiring import ServingWorker
from tests.support.serving_cases import NOW_S, upsert


def worker(tmp_path, **settings) -> ServingWorker:
    return ServingWorker(Settings(_env_file=None, data_dir=tmp_path, exploration=0, **settings))


def client_of(found: ServingWorker) -> httpx.AsyncClient:
    app = httpx.ASGITransport(create_app(found))  # starts no lifespan: the feeds stay off
    return httpx.AsyncClient(transport=app, base_url="http://serving")


async def test_a_task_that_ended_makes_the_worker_unready_whatever_else_it_has(tmp_path):
    found = worker(tmp_path)
    found.bootstrap.done.set()
    ended = asyncio.Event()

    async def publisher():
        await ended.wait()
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    async with client_of(found) as client, found.supervisor.running():
        found.supervisor.start("publisher", publisher)
        await asyncio.sleep(0.01)
        assert (await client.get("/readyz")).status_code == 200
        ended.set()
        await asyncio.sleep(0.05)
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["waiting_for"] == ["task publisher"]
        failures = 'millstream_serving_task_failures_total{task="publisher"} 1.0'
        assert failures in (await client.get("/metrics")).text


async def test_all_tasks_of_a_running_worker_are_watched(tmp_path):
    found = worker(tmp_path, kafka_bootstrap_servers="127.0.0.1:1", redis_url="redis://127.0.0.1:1")
    async with found.running():
        await asyncio.sleep(0.05)
        assert found.supervisor.down == set()
        text = (await client_of(found).get("/metrics")).text
    for task in (
        "items",
        "features",
        "snapshots",
        "follower",
        "bootstrap",
        "publisher",
        "settle",
        "recall",
    ):
        assert f'task_failures_total{{task="{task}"}} 0.0' in text


async def test_what_has_not_happened_yet_is_zero_and_not_absent(tmp_path):
    async with client_of(worker(tmp_path)) as client:
        text = (await client.get("/metrics")).text
    for series in (
        'degraded_total{reason="budget"}',
        'degraded_total{reason="user_store"}',
        'candidates_total{source="two_tower"}',
        'events_total{outcome="failed"}',
        'impressions_total{outcome="dropped"}',
        'feed_errors_total{topic="items"}',
        'swaps_total{outcome="rolled_back"}',
        'shed_total{reason="queue"}',
        'stage_seconds_count{stage="rank"}',
        "items_without_vector",
    ):
        assert f"millstream_serving_{series} 0.0" in text


@pytest.mark.parametrize(("setting", "popular"), [("hide", ["known"]), ("show", ["x", "known"])])
async def test_a_click_makes_an_unknown_item_popular_only_where_that_is_wanted(
    tmp_path, setting, popular
):
    found = worker(tmp_path, unknown_items=setting)
    found.catalogue.upsert([upsert("known")])
    clicked = {"item_id": ["x"], "item_updated_at": [NOW_S], "item_popularity": [9.0]}
    found.catalogue.put(pa.table(clicked))
    async with client_of(found) as client:
        answer = (await client.get("/v1/popular")).json()
    assert [item["item_id"] for item in answer["items"]] == popular
