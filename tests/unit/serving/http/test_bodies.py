"""Bodies that are too much, or hold what JSON and UTF-8 cannot: 4xx with a path, never 5xx."""

import gzip
import json

import pytest

from features.validation import check
from serving.http.bodies import MAX_DEPTH, read
from serving.http.schemas import RecommendBody
from serving.recommend.impression import impression
from serving.recommend.query import Query, Recommendation, Recommended
from tests.support.serving_api import CLICK, client_of, worker_of

CLICK_BYTES = json.dumps(CLICK).encode()
HALF = "\\ud83d"


@pytest.fixture
async def client(tmp_path):
    worker, broker = worker_of(tmp_path, max_body_bytes=50_000)
    worker.recommender._breaker.failed()
    async with client_of(worker) as found:
        found.broker = broker
        yield found


ROUTES = [("POST", "/v1/events"), ("PUT", "/v1/items"), ("POST", "/v1/recommend")]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 5_000, 24_000])
@pytest.mark.parametrize("shape", ["[]", "objects", "a field"])
async def test_deep_json_is_refused_on_every_route(client, method, path, depth, shape):
    text = {
        "[]": "[" * depth + "]" * depth,
        "objects": '{"a":' * (depth // 4) + "1" + "}" * (depth // 4),
        "a field": '{"user_id":"u","context":' + "[" * depth + "]" * depth + "}",
    }[shape]
    answer = await client.request(method, path, content=text)
    assert answer.status_code in (413, 422)
    assert '"$' in answer.text or answer.status_code == 413


def test_depth_is_counted_as_people_count():
    nested = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert read(nested.encode()).faults == ()
    assert read(f"[{nested}]".encode()).faults[0][0] == ()
    assert read(b'{"a":"' + b"[" * 100 + b'"}').faults == ()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (f'{{"user_id":"ann","context":{{"device":"phone {HALF}"}}}}', "$.context.device"),
        (f'{{"user_id":"ann","context":{{"{HALF}":"x"}}}}', "$.context"),
        (f'{{"user_id":"ann","filters":{{"categories":["{HALF}"]}}}}', "$.filters.categories[0]"),
        (
            '{"user_id":"ann","filters":{"ranges":{"\\udc00":{"at_least":1}}}}',
            "$.filters.ranges",
        ),
        (f'{{"user_id":"{HALF}"}}', "$.user_id"),
        (f'{{"user_id":"u","exclude":["a","{HALF}\\u0041"]}}', "$.exclude[1]"),
        ('{"user_id":NaN}', "$.user_id"),
        ('{"user_id":"u","filters":{"ranges":{"age":{"at_least":-Infinity}}}}',
         "$.filters.ranges.age.at_least"),
        ('{"user_id":"u","k":1e999}', "$.k"),
        ('{"user_id":7.0}', "$.user_id"),
        ('{"user_id":true}', "$.user_id"),
        ('{"user_id":"u","k":true}', "$.k"),
        ('{"user_id":"u","k":"3"}', "$.k"),
        ('{"user_id":"u","explain":"yes"}', "$.explain"),
        ('{"user_id":"u","exclude":[1.5]}', "$.exclude[0]"),
        ('{"user_id":"__probe_user__1"}', "$.user_id"),
        ('{"user_id":"u","filters":{"categories":[""]}}', "$.filters.categories[0]"),
        ('{"user_id":"u","filters":{"exclude_categories":[""]}}',
         "$.filters.exclude_categories[0]"),
        ('{"user_id":"u","reqest_id":"r"}', "$.reqest_id"),
        ("[]", "$"),
    ],
)  # fmt: skip
async def test_a_wrong_request_for_a_list_is_a_422_with_its_path(client, body, path):
    answer = await client.post("/v1/recommend", content=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["path"] == path
    assert (await client.post("/v1/events", json=CLICK)).status_code == 202


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (f'{{"type":"interaction","user_id":"{HALF}","item_id":"i","kind":"view"}}', "$.user_id"),
        (
            f'{{"type":"interaction","user_id":"u","item_id":"i","kind":"view","context":'
            f'{{"a":"{HALF}"}}}}',
            "$.context.a",
        ),
        (f'{{"type":"user","user_id":"u","attributes":{{"{HALF}":"x"}}}}', "$.attributes"),
        (f'{{"type":"item","item_id":"i","categories":["{HALF}"]}}', "$.categories[0]"),
        ('{"type":"interaction","user_id":"u","item_id":"i","kind":"rating","value":NaN}',
         "$.value"),
        ('{"type":"interaction","user_id":"u","item_id":"i","kind":"view","requst_id":"r"}',
         "$.requst_id"),
    ],
)  # fmt: skip
async def test_a_wrong_event_is_a_422_with_its_path_and_the_others_of_its_batch_are_taken(
    client, body, path
):
    alone = await client.post("/v1/events", content=body)
    assert (alone.status_code, alone.json()["errors"][0]["path"]) == (422, path)
    mixed = await client.post("/v1/events", content=f"[{json.dumps(CLICK)},{body}]")
    assert (mixed.status_code, mixed.json()["errors"][0]["path"]) == (202, f"$[1]{path[1:]}")
    assert [event.user_id for event in client.broker.events] == ["u"]


async def test_a_wrong_name_is_told_what_may_be_meant(client):
    asked = {"item_id": "kit", "catagories": ["c"], "attributes": {"relase_year": 1999}}
    text = (await client.put("/v1/items", json=asked)).text
    assert "$.catagories" in text and "$.attributes.relase_year" in text
    assert "did you mean 'category'" in (await client.get("/v1/popular?catagory=x")).text
    known = await client.post(
        "/v1/recommend", json={"user_id": "u", "filters": {"ranges": {"relase_year": {}}}}
    )
    assert "did you mean 'release_year'" in known.text


@pytest.mark.parametrize(
    "url", ["/v1/popular?K=3", "/v1/similar/a?kk=1", "/v1/popular?k=3&x=", "/v1/popular?category="]
)
async def test_a_parameter_that_nobody_knows_or_an_empty_one_is_refused(client, url):
    answer = await client.get(url)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["path"].startswith("$.")


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("has_length", [True, False])
async def test_a_body_that_is_too_large_is_a_413_that_names_the_limit(
    client, method, path, has_length
):
    large = b'"' + b"x" * 60_000 + b'"'

    async def parts():
        for start in range(0, len(large), 7_000):
            yield large[start : start + 7_000]

    answer = await client.request(method, path, content=large if has_length else parts())
    assert answer.status_code == 413
    assert "50000 bytes (MILLSTREAM_MAX_BODY_BYTES)" in answer.json()["detail"]


GZIP = {"Content-Encoding": "gzip"}


async def test_gzip_is_read_also_in_several_members(client):
    members = gzip.compress(CLICK_BYTES[:20]) + gzip.compress(CLICK_BYTES[20:])
    for body in (gzip.compress(CLICK_BYTES), members):
        assert (await client.post("/v1/events", content=body, headers=GZIP)).status_code == 202
    assert len(client.broker.events) == 2


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b" " * 50_000_000, mtime=0), "gzip", 413),  # 50 kB of it
        (gzip.compress(b"x" * 30_000, mtime=0) * 2, "gzip", 413),
        (gzip.compress(CLICK_BYTES, mtime=0)[:-9], "gzip", 422),
        (CLICK_BYTES, "gzip", 422),
        (CLICK_BYTES, "br", 415),
        (CLICK_BYTES, "gzip, gzip", 415),
        (CLICK_BYTES, "identity", 202),
    ],
)
async def test_what_is_inflated_is_bounded_and_what_is_not_read_is_named(
    client, body, encoding, status
):
    answer = await client.post("/v1/events", content=body, headers={"Content-Encoding": encoding})
    assert answer.status_code == status
    if status == 415:
        assert encoding in answer.json()["detail"]


def test_the_log_of_every_list_that_may_be_asked_for_goes_through_the_door():
    context = {f"{number:0128}": "x" * 1_000 for number in range(50)}
    RecommendBody(user_id="u" * 256, context=context)
    query = Query(user_id="u" * 256, k=1, context=context)
    item = Recommended("i", "", 0, 0.5, ["popular"])
    check(impression(Recommendation("r", query, [item], "7", [], {}, time_s=1.0)), now_s=2.0)
