"""Two serving workers behind one port, with a real broker and a real Redis."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import httpx
import psutil
import pytest

from deploy.local import LocalServices
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.redis_databases import RedisDatabases
from tests.support.scrape import scrape
from tests.support.serving_worker import PATIENT, Served

WORKERS = ('worker="0"', 'worker="1"')


@pytest.fixture(scope="module")
def served(
    services: LocalServices,
    redis_databases: RedisDatabases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """Two workers that serve a snapshot."""
    folder, prefix = tmp_path_factory.mktemp("workers"), Installation.fresh_prefix("workers")
    url = redis_databases.empty_one()
    with Installation(services.bootstrap_servers, url, prefix, folder, **PATIENT) as installation:
        installation.create_topics()
        with Served(installation, workers=2) as found:
            found.write_and_serve()
            eventually(lambda: found.ready()["ready"], "both are ready", 60)
            yield found


def by_worker(served: Served, name: str, labels: str = "") -> dict[str, float]:
    """A metric of each worker; 0 where it has none."""
    seen = scrape(served.port)
    before = f"{labels}," if labels else ""
    return {each: seen.get(f"{name}{{{before}{each}}}", 0.0) for each in WORKERS}


def workers(served: Served) -> list[psutil.Process]:
    return served.processes()[1:]


async def listed(served: Served, until: asyncio.Event) -> Counter[str]:
    """How requests end, each over a connection of its own, until told to stop."""
    found: Counter[str] = Counter()
    while not until.is_set():
        async with httpx.AsyncClient(timeout=30) as client:
            try:
                url = f"http://127.0.0.1:{served.port}/v1/recommend"
                answer = await client.post(url, json={"user_id": "u1", "k": 20})
                found[str(answer.status_code)] += 1
            except httpx.TransportError as error:
                found[type(error).__name__] += 1
    return found


def test_an_operators_word_is_acknowledged_by_both(served: Served):
    first = served.newest
    served.write_and_serve(parent=first)
    said = served.installation.command("snapshots", "rollback", str(first), "--reason", "worse")
    assert said.returncode == 0, said.stderr
    assert set(by_worker(served, "millstream_serving_snapshot_version").values()) == {first}
    assert set(by_worker(served, "millstream_serving_pinned_version").values()) == {first}


def test_both_have_new_items_and_what_was_posted_to_one(served: Served):
    new = [
        {"item_id": name, "title": name, "categories": ["brand new"]} for name in ("one", "other")
    ]
    counts = by_worker(served, "millstream_serving_index_items")
    assert served.http.put("/v1/items", json=new).status_code == 202
    wanted = {worker: count + 2 for worker, count in counts.items()}
    eventually(
        lambda: by_worker(served, "millstream_serving_index_items") == wanted,
        "both can find them",
        20,
    )
    only = {"user_id": "reader", "k": 1, "filters": {"categories": ["brand new"]}}
    (first,) = served.recommend(**only)["items"]
    click = {"type": "interaction", "user_id": "reader", "item_id": first["item_id"]}
    assert served.http.post("/v1/events", json={**click, "kind": "click"}).status_code == 202
    asked, route = "millstream_serving_requests_total", 'route="/v1/recommend",status="200"'
    were_asked = by_worker(served, asked, route)

    def leave_it_out() -> bool:
        with httpx.Client(base_url=served.http.base_url) as another:
            (item,) = another.post("/v1/recommend", json=only).json()["items"]
        assert item["item_id"] != first["item_id"]
        now = by_worker(served, asked, route)
        return all(now[worker] > count for worker, count in were_asked.items())

    eventually(leave_it_out, "both were asked", 30)


async def test_one_that_is_killed_takes_only_what_it_was_working_on_and_comes_back(served: Served):
    first = workers(served)
    until = asyncio.Event()
    asking = [asyncio.create_task(listed(served, until)) for _ in range(4)]
    await asyncio.sleep(0.5)
    first[0].kill()

    def both_are_back() -> bool:
        pids = {each.pid for each in workers(served)}
        is_new = len(pids) == 2 and first[0].pid not in pids
        return is_new and bool(served.ready()["ready"])

    await asyncio.to_thread(eventually, both_are_back, "two workers are ready", 60)
    until.set()
    found = sum([await each for each in asking], Counter())
    assert first[1].pid in {each.pid for each in workers(served)}
    broken = sum(count for how, count in found.items() if not how.isdigit())
    assert set(map(str, found)) - {"200"} <= {"RemoteProtocolError", "ReadError"}
    assert broken <= 4
    assert found["200"] > 20
