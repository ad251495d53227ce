"""Single users over HTTP: what is known, patches, and an erasure that says how far it has come."""

import pytest

from millstream import erasures
from millstream.erasures import Erasure
from millstream.events import Interaction, UserUpsert
from serving.people import ErasureProgress
from tests.support.serving_api import client_of, worker_of
from tests.support.stored_people import StoredPeople


@pytest.fixture
async def client(tmp_path):
    worker, broker = worker_of(tmp_path)
    removed = []

    async def remove(topic, key, time_ms):
        removed.append((topic.name, key, time_ms))

    worker.producer.remove = remove
    stored = StoredPeople(worker.people)
    async with client_of(worker) as found:
        found.worker, found.broker, found.stored, found.removed = worker, broker, stored, removed
        yield found


def taken(client):
    """Let the worker know what the broker took."""
    for event in client.broker.events:
        client.worker.people.note(event)


async def test_a_person_of_whom_nothing_is_known_is_a_404(client):
    answer = await client.get("/v1/users/nobody")
    assert (answer.status_code, "nobody" in answer.json()["detail"]) == (404, True)
    assert (await client.get("/v1/users/nobody/erasure")).status_code == 404


async def test_what_is_known_is_what_the_store_and_this_worker_have(client):
    client.stored.attributes["ann"] = (5.0, {"user_age": 30.0})
    clicked = Interaction(event_id="e", event_time=6.0, user_id="ann", item_id="i", kind="click")
    client.worker.recommender._remembered.note(clicked)
    found = (await client.get("/v1/users/ann")).json()
    assert (found["attributes"], found["event_time"]) == ({"age": 30.0}, 5.0)
    assert found["recent_items"] == ["i"]
    assert "user_events_30d" in found["features"]


async def test_patches_that_follow_one_another_are_all_kept(client):
    client.stored.attributes["ann"] = (5.0, {"user_age": 30.0, "user_gender": "F"})
    for patch in ({"age": 31}, {"occupation": "pilot"}, {"gender": None}):
        answer = await client.patch("/v1/users/ann", json={"attributes": patch})
        assert answer.status_code == 202
        taken(client)
    last = client.broker.events[-1]
    assert isinstance(last, UserUpsert)
    assert last.attributes == {"age": 31, "occupation": "pilot"}
    wrong = await client.patch("/v1/users/ann", json={"attributes": {"age": "old"}})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "$.attributes.age")


async def test_a_put_takes_the_id_of_its_address(client):
    assert (await client.put("/v1/users/a%2Fb", json={"attributes": {}})).status_code == 202
    assert client.broker.events[0].user_id == "a/b"
    other = await client.put("/v1/users/ann", json={"user_id": "bob"})
    assert (other.status_code, other.json()["detail"][0]["path"]) == (422, "$.user_id")


async def test_an_erasure_is_done_when_every_part_has_forgotten(client):
    people, key = client.worker.people, erasures.key(client.worker.settings.topic_prefix)
    client.stored.attributes["ann"] = (5.0, {"user_age": 30.0})  # the store forgets later
    people.note(UserUpsert(event_id="e", event_time=6.0, user_id="ann"))
    assert (await client.get("/v1/users/ann")).status_code == 200
    assert (await client.delete("/v1/users/ann")).status_code == 202
    assert client.removed[0][:2] == ("users", "ann")
    assert (await client.get("/v1/users/ann")).status_code == 404

    async def stage():
        found = (await client.get("/v1/users/ann/erasure")).json()
        return found["stage"], found["done"]

    assert await stage() == ("asked", False)
    erased_at = client.worker.clock.now() + 1.0
    erasure = Erasure(erased_at=erased_at, partition=0, offset=3)
    client.stored.fields[key, "ann"] = erasures.encoded(erasure)
    assert await stage() == ("erased", False)
    people._erased_through = lambda: erased_at
    assert await stage() == ("erased", False)
    erasure = Erasure(erased_at=erased_at, partition=0, offset=3, offline_at=erased_at + 9)
    client.stored.fields[key, "ann"] = erasures.encoded(erasure)
    assert await stage() == ("done", True)


def test_an_erasure_that_is_asked_for_again_is_not_done_by_the_one_before():
    before = ErasureProgress(asked_at=None, online_at=5.0, model_at=6.0, offline_at=7.0)
    again = ErasureProgress(asked_at=8.0, online_at=5.0, model_at=6.0, offline_at=7.0)
    assert (before.stage, again.stage) == ("done", "asked")


async def test_people_are_for_keys_that_may_and_for_nobody_without_one(tmp_path):
    worker, _ = worker_of(tmp_path, host="0.0.0.0", allow_anonymous=True)
    async with client_of(worker) as anybody:
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            answer = await anybody.request(method, "/v1/users/ann")
            assert (answer.status_code, "'people'" in answer.json()["detail"]) == (403, True)
