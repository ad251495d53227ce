"""What becomes of each event of a body, and what the answer says of it."""

import pytest

from millstream.errors import InvalidEvent, LogUnavailable
from millstream.events import ItemUpsert
from tests.support.serving_api import CLICK, client_of, worker_of

YEAR = {"release_year": 1999.0}
WHOLE = {"title": "Alpha", "categories": ["X", "Y"], "created_at": 5.0, "attributes": YEAR}


@pytest.fixture
async def client(tmp_path):
    worker, broker = worker_of(tmp_path)
    async with client_of(worker) as found:
        found.worker, found.broker = worker, broker
        yield found


def clicks(*items: str) -> list[dict]:
    return [{**CLICK, "item_id": item, "event_id": f"event-{item}"} for item in items]


async def test_what_the_log_never_takes_is_no_503(client):
    client.broker.outcomes["event-b"] = InvalidEvent(
        "Expected at most 900,000 bytes. Received: 2,000,000"
    )
    answer = await client.post("/v1/events", json=clicks("a", "b", "c"))
    assert answer.status_code == 202
    assert answer.json()["event_ids"] == ["event-a", "event-c"]
    assert [error["path"] for error in answer.json()["errors"]] == ["$[1]"]
    alone = await client.post("/v1/events", json=clicks("b")[0])
    assert (alone.status_code, alone.json()["errors"][0]["path"]) == (413, "$")


async def test_what_may_work_later_is_a_503_that_names_what_to_send_again(client):
    client.broker.outcomes["event-b"] = LogUnavailable("Kafka did not answer")
    answer = await client.post("/v1/events", json=clicks("a", "b", "c"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["event_ids"] == ["event-a", "event-c"]
    assert answer.json()["errors"] == [{"path": "$[1]", "reason": "Kafka did not answer"}]


async def test_a_title_of_a_megabyte_costs_only_its_own_item(client):
    items = [{"item_id": "a", "title": "A"}, {"item_id": "b", "title": "x" * 2_000_000},
             {"item_id": "c", "title": "C"}]  # fmt: skip
    answer = await client.put("/v1/items", json=items)
    assert answer.status_code == 202
    assert answer.json()["errors"][0]["path"].startswith("$[1]")
    assert [event.item_id for event in client.broker.events] == ["a", "c"]


async def test_an_event_too_large_for_the_log_is_a_413_that_names_the_limit(client):
    features = {f"f{number}": "x" * 1_000 for number in range(100)}
    items = [{"item_id": str(n), "position": n, "score": 0.0, "features": features}
             for n in range(10)]  # fmt: skip
    event = {"type": "impression", "request_id": "r", "user_id": "u", "items": items}
    answer = await client.post("/v1/events", json=event)
    assert answer.status_code == 413
    assert "500,000 bytes" in answer.json()["errors"][0]["reason"]


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ({**CLICK, "event_time": 4e9}, "$.event_time"),
        ({**CLICK, "user_id": "__probe_me"}, "$.user_id"),
        ({**CLICK, "value": 1e39}, "$.value"),
        ({"type": "user", "user_id": "u", "attributes": {"age": "NaN"}}, "$.attributes.age"),
        (
            {"type": "impression", "request_id": "r", "user_id": "u", "items": [
                {"item_id": "i", "position": 0, "score": 1.0,
                 "features": {"item_popularity": "high"}}]},
            "$.items[0].features.item_popularity",
        ),
    ],
)  # fmt: skip
async def test_what_the_stream_would_refuse_is_not_accepted(client, event, path):
    answer = await client.post("/v1/events", json=event)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)


async def test_an_empty_list_is_nothing_wrong(client):
    answer = await client.post("/v1/events", json=[])
    assert (answer.status_code, answer.json()) == (202, {"event_ids": [], "errors": []})


@pytest.mark.parametrize(
    "wrong", ["9" * 5_000, "-" + "9" * 400, "1e400", '"0001-01-01T00:00:00+23:59"']
)
@pytest.mark.parametrize("field", ["event_time", "user_id", "value", "schema_version", "event_id"])
async def test_no_number_or_time_is_too_strange_for_an_answer(client, field, wrong):
    fields = ",".join(f'"{k}":"{v}"' for k, v in CLICK.items() if k != field)
    answer = await client.post("/v1/events", content=f'{{{fields},"{field}":{wrong}}}')
    assert answer.status_code in (202, 422)


def known(worker, item_id="a", **fields):
    worker.catalogue.upsert(
        [ItemUpsert(event_id="e", event_time=5.0, item_id=item_id, **{**WHOLE, **fields})]
    )


@pytest.mark.parametrize("hidden", [{"hidden": True}, {"hidden": False}, {}])
async def test_hiding_an_item_keeps_all_else_that_is_known_of_it(client, hidden):
    known(client.worker)
    assert (await client.put("/v1/items", json={"item_id": "a", **hidden})).status_code == 202
    (event,) = client.broker.events
    assert event.hidden == hidden.get("hidden", False)
    assert {name: getattr(event, name) for name in WHOLE} == WHOLE


async def test_what_is_said_of_an_item_is_the_whole_item(client):
    known(client.worker)
    await client.put("/v1/items", json={"item_id": "a", "title": "Beta"})
    (event,) = client.broker.events
    assert (event.title, event.categories, event.attributes) == ("Beta", [], {})


async def test_an_item_that_nobody_knows_is_hidden_as_it_is(client):
    await client.put(
        "/v1/items", json=[{"item_id": "new", "hidden": True}, {"item_id": "x", **WHOLE}]
    )
    hidden, whole = client.broker.events
    assert (hidden.hidden, hidden.title, whole.title) == (True, None, "Alpha")


async def test_a_catalogue_that_is_behind_is_read_to_its_end_first(client):
    async def late(timeout_s=0.0):
        known(client.worker)

    client.worker.items_consumer.read_to_end = late
    async with client_of(client.worker) as fresh:
        await fresh.put("/v1/items", json={"item_id": "a", "hidden": True})
    assert client.broker.events[0].title == "Alpha"


@pytest.mark.parametrize("error", [TimeoutError(), LogUnavailable("gone")])
async def test_nothing_is_wiped_where_the_catalogue_cannot_be_read(client, error):
    async def never(timeout_s=0.0):
        raise error

    client.worker.items_consumer.read_to_end = never
    async with client_of(client.worker) as fresh:
        answer = await fresh.put("/v1/items", json={"item_id": "a", "hidden": True})
        whole = await fresh.put("/v1/items", json={"item_id": "a", **WHOLE})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (whole.status_code, len(client.broker.events)) == (202, 1)
