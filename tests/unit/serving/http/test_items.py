"""Single items over HTTP: a patch loses nobody's change, a deletion wins over what is older."""

import itertools
from typing import Any

import msgspec
import pytest

from millstream.errors import LogUnavailable
from millstream.events import ItemUpsert
from tests.support.serving_api import client_of, worker_of

WHOLE: dict[str, Any] = {
    "title": "Alpha",
    "categories": ["X", "Y"],
    "created_at": 5.0,
    "attributes": {"release_year": 1999.5},
}


class Log:
    """The topic `items`: what is published is in it, and what was read is in the catalogue."""

    def __init__(self, worker, broker):
        self.worker, self.broker, self.read, self.reads = worker, broker, 0, 0
        self.deleted, self.others = [], {}
        worker.items_consumer.read_to_end = self.read_to_end
        worker.producer.remove = self.remove

    async def read_to_end(self, timeout_s=0.0):
        self.reads += 1
        if self.reads in self.others:  # another worker's upsert, before what is published next
            self.broker.events.insert(self.read, self.others[self.reads])
        new = self.broker.events[self.read :]
        self.read = len(self.broker.events)
        if new:
            self.worker.catalogue.upsert(new)

    async def remove(self, topic, key, time_ms):
        self.deleted.append((topic.name, key, time_ms))
        return LogUnavailable("No Kafka broker answers.") if self.broker.is_gone else None


@pytest.fixture
async def client(tmp_path):
    worker, broker = worker_of(tmp_path)
    log = Log(worker, broker)
    async with client_of(worker) as found:
        found.worker, found.broker, found.log = worker, broker, log
        event = ItemUpsert(event_id="e", event_time=5.0, item_id="a/b", **WHOLE)
        worker.catalogue.upsert([event])
        yield found


def said(event):
    fields = msgspec.structs.asdict(event)
    return {name: fields[name] for name in (*WHOLE, "hidden")}


async def test_an_item_is_read_as_it_was_written(client):
    found = (await client.get("/v1/items/a%2Fb")).json()
    assert {name: found[name] for name in WHOLE} == WHOLE
    assert (found["hidden"], found["event_time"]) == (False, 5.0)
    assert found["features"]["item_release_year"] == 1999.5
    answer = await client.get("/v1/items/nobody")
    assert (answer.status_code, answer.json()["detail"]) == (
        404, "`item_id` must be known. Received: 'nobody'."
    )  # fmt: skip


async def test_a_put_by_address_is_newer_than_what_is_known(client):
    ahead = client.worker.clock.now() + 600.0
    client.worker.catalogue.upsert([ItemUpsert(event_id="f", event_time=ahead, item_id="a")])
    assert (await client.put("/v1/items/a", json={"title": "New"})).status_code == 202
    (event,) = client.broker.events
    assert (event.item_id, event.title) == ("a", "New")
    assert event.event_time > ahead


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({"hidden": True}, {"hidden": True}),
        ({"title": None}, {"title": None}),
        ({"attributes": {"release_year": 2001}}, {"attributes": {"release_year": 2001}}),
        ({"attributes": {"release_year": None}}, {"attributes": {}}),
        ({"categories": ["Z"]}, {"categories": ["Z"]}),
        ({}, {}),
    ],
)
async def test_a_patch_changes_what_it_names_and_nothing_else(client, patch, changed):
    assert (await client.patch("/v1/items/a%2Fb", json=patch)).status_code == 202
    (event,) = client.broker.events
    assert said(event) == {**WHOLE, "hidden": False, **changed}


async def test_a_patch_of_another_worker_at_the_same_time_is_kept(client):
    now_s = client.worker.clock.now()
    theirs: dict[str, Any] = {**WHOLE, "title": "Theirs"}
    other = ItemUpsert(event_id="g", event_time=now_s - 1, item_id="a/b", **theirs)
    client.log.others[2] = other  # it comes after the patch has read, and before the patch is there
    assert (await client.patch("/v1/items/a%2Fb", json={"hidden": True})).status_code == 202
    assert len(client.broker.events) == 3
    assert said(client.broker.events[-1]) == {**theirs, "hidden": True}
    found = (await client.get("/v1/items/a%2Fb")).json()
    assert (found["title"], found["hidden"]) == ("Theirs", True)


@pytest.mark.parametrize(
    ("patch", "status", "path"),
    [
        ({"titel": "x"}, 422, "$.titel"),
        ({"event_time": 5}, 422, "$.event_time"),
        ({"item_id": "c"}, 422, "$.item_id"),
        ({"attributes": {"release_year": "soon"}}, 422, "$.attributes.release_year"),
        ([], 422, "$"),
    ],
)
async def test_a_wrong_patch_names_its_field(client, patch, status, path):
    answer = await client.patch("/v1/items/a%2Fb", json=patch)
    errors = answer.json().get("errors") or answer.json()["detail"]
    assert (answer.status_code, errors[0]["path"]) == (status, path)
    assert client.broker.events == []


async def test_a_deletion_is_newer_than_what_is_known_by_what_a_record_can_tell(client):
    ahead = client.worker.clock.now() + 600.0004
    client.worker.catalogue.upsert([ItemUpsert(event_id="f", event_time=ahead, item_id="a")])
    assert (await client.delete("/v1/items/a")).status_code == 202
    ((topic, key, time_ms),) = client.log.deleted
    assert (topic, key) == ("items", "a")
    assert ahead < time_ms / 1000 <= ahead + 0.0021
    client.broker.is_gone = True
    answer = await client.delete("/v1/items/a")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_pages_bring_each_item_once_in_the_order_of_ids(client):
    ids = [f"n{number}" for number in range(7)]
    events = [ItemUpsert(event_id=f"p{i}", event_time=5.0, item_id=i) for i in reversed(ids)]
    client.worker.catalogue.upsert(events)
    pages, cursor = [], ""
    while True:
        answer = await client.get("/v1/items", params={"limit": 3, "cursor": cursor})
        pages.append([item["item_id"] for item in answer.json()["items"]])
        if "next_cursor" not in answer.json():
            break
        cursor = answer.json()["next_cursor"]
    assert list(itertools.chain(*pages)) == ["a/b", *ids]
    assert [len(page) for page in pages] == [3, 3, 2]
    wrong = await client.get("/v1/items", params={"cursor": "?"})
    assert (wrong.status_code, wrong.json()["detail"][0]["path"]) == (422, "$.cursor")
