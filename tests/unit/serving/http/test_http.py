"""The HTTP API without a broker, a Redis or a model: what is refused, and how."""

import json
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest

from millstream.domain import domain
from millstream.domain.placements import Placement
from serving.recommend import options
from serving.wiring import ServingWorker
from tests.support.serving_api import CLICK, Broker, client_of, worker_of
from tests.support.serving_cases import upsert


@pytest.fixture
def made(tmp_path) -> tuple[ServingWorker, Broker]:
    return worker_of(tmp_path)


@pytest.fixture
def worker(made) -> ServingWorker:
    return made[0]


@pytest.fixture
def broker(made) -> Broker:
    return made[1]


@pytest.fixture
async def client(worker) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(worker) as found:
        yield found


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"session_id": ""}, "$.session_id"),
        ({"recent_items": ["a", ""]}, "$.recent_items[1]"),
        ({"user_id": ""}, "$.user_id"),
        ({"user_id": "u", "k": 0}, "$.k"),
        ({"user_id": "u", "k": 501}, "$.k"),
        ({"user_id": "u", "diversity": "much"}, "$.diversity"),
        ({"user_id": "u", "exclude": ["a", ""]}, "$.exclude[1]"),
        ({"user_id": "u", "filters": {"category": "x"}}, "$.filters.category"),
        ({"user_id": "u", "filters": {"ranges": {"colour": {}}}}, "$.filters.ranges.colour"),
        ({"user_id": "u", "filters": {"values": {"title": ["x"]}}}, "$.filters.values.title"),
        ({"user_id": "u", "number": 3}, "$.number"),
    ],
)
async def test_wrong_input_is_refused_by_the_path_of_its_field(client, body, path):
    answer = await client.post("/v1/recommend", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["path"] == path


async def test_a_refusal_says_what_was_received(client):
    answer = await client.post("/v1/recommend", json={"user_id": "u", "k": -3})
    assert "Received: -3" in answer.json()["detail"][0]["reason"]


async def test_a_placement_that_nobody_knows_is_refused_with_those_that_are_known(client, worker):
    async def answer():
        return await client.post("/v1/recommend", json={"user_id": "u", "placement": "hmoe"})

    refused = (await answer()).json()["detail"]
    assert refused == [
        {
            "path": "$.placement",
            "reason": "Expected one of the placements: which there are none. Received: 'hmoe'.",
        }
    ]


async def test_a_list_is_as_long_as_its_placement_says_unless_the_request_does(
    tmp_path, monkeypatch
):
    declared = domain().model_copy(update={"placements": {"home": Placement(k=3)}})
    monkeypatch.setattr(options, "domain", lambda: declared)
    worker, _ = worker_of(tmp_path)
    worker.catalogue.upsert([upsert(str(number)) for number in range(12)])
    async with client_of(worker) as client:
        for body, length in (
            ({"placement": "home"}, 3),
            ({"placement": "home", "k": 5}, 5),
            ({}, 10),
        ):
            answer = (await client.post("/v1/recommend", json={"user_id": "u", **body})).json()
            assert len(answer["items"]) == length
            assert answer.get("placement") == body.get("placement")
        refused = await client.post("/v1/recommend", json={"user_id": "u", "placement": "hmoe"})
    assert refused.status_code == 422
    assert "one of the placements: home. Received: 'hmoe'" in refused.json()["detail"][0]["reason"]


async def test_an_empty_installation_answers_with_an_empty_list(client, worker):
    worker.recommender._breaker.failed()
    answer = await client.post("/v1/recommend", json={"user_id": 196, "k": 3})
    assert answer.status_code == 200
    assert (answer.json()["items"], answer.json()["model_version"]) == ([], "")


async def test_a_list_names_source_score_position_and_title(client, worker):
    worker.recommender._breaker.failed()
    worker.catalogue.upsert([upsert("a", title="Alpha")])
    (item,) = (await client.post("/v1/recommend", json={"user_id": "u"})).json()["items"]
    expected = {"item_id": "a", "title": "Alpha", "score": 0.0, "position": 0}
    assert {**item, **expected} == item
    assert set(item["sources"]) == {"trending", "popular", "recent"}
    assert "features" not in item


async def test_an_explanation_has_features_and_propensities(client, worker):
    worker.catalogue.upsert([upsert("a", categories=["X"])])
    asked = {"user_id": "u", "explain": True}
    answer = (await client.post("/v1/recommend", json=asked)).json()
    assert answer["items"][0]["features"]["item_categories"] == ["X"]
    assert answer["items"][0]["propensity"] == 1.0
    assert "user_recent_items" in answer["user_features"]


async def test_one_event_is_published_with_an_id_and_a_time_of_its_own(client, broker):
    answer = await client.post("/v1/events", json={**CLICK, "user_id": 196})
    assert answer.status_code == 202
    (event,) = broker.events
    assert answer.json() == {"event_ids": [event.event_id], "errors": []}
    assert (event.user_id, event.kind) == ("196", "click")


async def test_wrong_events_of_a_batch_are_named_and_the_others_published(client, broker):
    batch = [CLICK, {**CLICK, "item_id": ""}, "no event", {**CLICK, "kind": "rating"}, CLICK]
    answer = await client.post("/v1/events", json=batch)
    assert answer.status_code == 202
    assert [error["path"] for error in answer.json()["errors"]] == [
        "$[1].item_id",
        "$[2]",
        "$[3].value",
    ]
    assert len(broker.events) == len(answer.json()["event_ids"]) == 2


async def test_where_no_event_is_right_nothing_was_accepted(client, broker):
    answer = await client.post("/v1/events", json={**CLICK, "kind": "stare"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "$.kind"
    assert broker.events == []


@pytest.mark.parametrize("body", ["", "{", "\xff"])
async def test_what_is_not_json_is_refused(client, body):
    answer = await client.post("/v1/events", content=body.encode("latin-1"))
    assert answer.status_code == 422
    assert "Expected JSON" in answer.json()["detail"]
    assert answer.json()["errors"][0]["path"] == "$"


async def test_a_batch_has_an_end(client):
    assert (await client.post("/v1/events", json=[CLICK] * 5001)).status_code == 413


async def test_a_broker_that_is_gone_is_a_503(client, broker):
    broker.is_gone = True
    answer = await client.post("/v1/events", json=CLICK)
    assert (answer.status_code, answer.json()["detail"]) == (503, "No Kafka broker answers.")


async def test_items_are_put_without_a_type_and_their_attributes_are_checked(client, broker):
    good = {"item_id": "a", "title": "Alpha", "attributes": {"release_year": 1999}}
    assert (await client.put("/v1/items", json=good)).status_code == 202
    assert broker.events[0].item_id == "a"
    bad = {**good, "attributes": {"release_year": "long ago"}}
    wrong = await client.put("/v1/items", json=[bad])
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["path"] == "$[0].attributes.release_year"


async def test_similar_items_of_an_unknown_item_are_a_404(client):
    answer = await client.get("/v1/similar/nothing")
    assert answer.status_code == 404
    assert "'nothing'" in answer.json()["detail"]


async def test_popular_counts_are_checked(client):
    assert (await client.get("/v1/popular", params={"k": 0})).status_code == 422
    assert (await client.get("/v1/popular")).json()["items"] == []


async def test_it_is_alive_before_it_is_ready(client):
    assert (await client.get("/healthz")).status_code == 200
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["waiting_for"]) == (503, ["catalogue"])


async def test_metrics_count_requests_by_the_pattern_of_their_route(client):
    for item in "abc":
        (await client.get(f"/v1/similar/{item}"))
    (await client.get("/nowhere"))
    text = (await client.get("/metrics")).text
    pattern = 'millstream_serving_requests_total{route="/v1/similar/{item_id}",status="404"} 3.0'
    assert pattern in text
    assert 'route="unknown",status="404"} 1.0' in text


@pytest.mark.parametrize("page", ["/", "/docs"])
async def test_the_pages_load_nothing_from_elsewhere(client, page):
    answer = await client.get(page)
    assert answer.headers["content-type"].startswith("text/html")
    assert "://" not in answer.text


async def test_the_openapi_page_describes_every_route(client):
    spec = (await client.get("/openapi.json")).json()
    assert {
        "/v1/recommend", "/v1/similar/{item_id}", "/v1/popular", "/v1/events", "/v1/items",
        "/v1/items/{item_id}", "/v1/users/{user_id}", "/v1/users/{user_id}/erasure",
        "/v1/users/{user_id}/sessions/{session_id}",
        "/healthz", "/readyz", "/metrics",
    } == set(spec["paths"])  # fmt: skip
    assert "requestBody" in spec["paths"]["/v1/events"]["post"]


@pytest.mark.parametrize(
    "item_id", ["sku/2024/ab", "a/", "100%", "a b?c#d", "ünï", "%2F", "a\nb", "\n"]
)
async def test_an_item_with_any_id_has_its_page(client, worker, item_id):
    worker.catalogue.upsert([upsert(item_id, categories=["X"])])
    answer = await client.get(f"/v1/similar/{quote(item_id, safe='')}")
    assert answer.status_code == 200


async def test_the_page_describes_bodies_and_refusals(client):
    spec = (await client.get("/openapi.json")).json()
    schemas = spec["components"]["schemas"]
    assert set(schemas["Interaction"]["required"]) == {"type", "user_id", "item_id", "kind"}
    assert set(schemas["Item"]["required"]) == {"item_id"}
    assert schemas["Interaction"]["properties"]["kind"]["enum"]
    for path in ("/v1/events", "/v1/items", "/v1/recommend", "/v1/popular"):
        for route in spec["paths"][path].values():
            assert {"401", "403", "413", "415", "422", "429", "503"} <= set(route["responses"])


async def test_every_reference_of_the_page_leads_somewhere(client):
    text = (await client.get("/openapi.json")).text
    schemas = json.loads(text)["components"]["schemas"]
    found = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert found <= set(schemas)


async def test_a_visitor_without_an_account_gets_a_list_of_their_own(client):
    answers = [await client.post("/v1/recommend", json=body) for body in ({}, {"session_id": 7})]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({answer.json()["request_id"] for answer in answers}) == 2
