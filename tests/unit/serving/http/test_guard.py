"""Nobody gets in who should not, and nobody without a limit who has one."""

import logging

import pytest

from millstream.errors import ConfigurationError
from serving.http.app import create_app
from tests.support.serving_api import CLICK, IMPRESSION, client_of, worker_of

SECRET = "a secret of thirty characters!"
OTHER = "another secret of many characters"
KEYS = f"""
[web]
key = "{SECRET}"
scopes = ["events", "recommend"]

[shop]
key = "{OTHER}"
scopes = ["catalogue", "admin"]
"""
ASKED = {"user_id": "u"}
# Every route that is not a page or a health check, with the key that may and the one that may not.
ROUTES = [
    ("POST", "/v1/events", CLICK, SECRET, None),
    ("PUT", "/v1/items", {"item_id": "a", "title": "A"}, OTHER, SECRET),
    ("POST", "/v1/recommend", ASKED, SECRET, OTHER),
    ("GET", "/v1/popular", None, SECRET, OTHER),
    ("GET", "/v1/similar/a", None, SECRET, OTHER),
    ("GET", "/metrics", None, OTHER, SECRET),
    ("POST", "/v1/what/comes/later", ASKED, OTHER, SECRET),
]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
async def locked(tmp_path):
    """A client of an installation with keys, which others can reach."""
    worker, broker = worker_of(tmp_path, api_keys=KEYS, host="0.0.0.0")
    worker.recommender._breaker.failed()
    async with client_of(worker) as client:
        client.broker = broker
        yield client


@pytest.mark.parametrize(("method", "path", "body", "may", "may_not"), ROUTES)
async def test_a_route_takes_a_known_key_with_its_scope(locked, method, path, body, may, may_not):
    def ask(headers):
        return locked.request(method, path, json=body, headers=headers)

    assert (await ask({})).status_code == 401
    assert (await ask(bearer("nobody's key, of enough length"))).status_code == 401
    assert (await ask(bearer(may))).status_code not in (401, 403)
    assert (await ask({"X-API-Key": may})).status_code not in (401, 403)
    if may_not:
        refused = await ask(bearer(may_not))
        assert refused.status_code == 403
        assert "Expected the scope" in refused.json()["detail"]


async def test_a_refusal_says_how_to_come_in_and_quotes_no_key(locked):
    answer = await locked.get("/v1/popular", headers=bearer(SECRET[:-1]))
    assert "X-API-Key" in answer.json()["detail"]
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert SECRET[:-1] not in answer.text


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/healthz", "/readyz"])
async def test_pages_and_health_checks_need_no_key(locked, path):
    assert (await locked.get(path)).status_code in (200, 503)


@pytest.mark.parametrize(
    "path", ["//v1/popular", "/v1/../v1/popular", "/V1/popular", "/v1/popular/"]
)
async def test_no_spelling_of_a_path_gets_around_the_key(locked, path):
    assert (await locked.get(path)).status_code in (401, 404)


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (IMPRESSION, "$.type"),
        ({"type": "item", "item_id": "a", "title": "A"}, "$.type"),
        ({**CLICK, "user_id": "__probe_u", "item_id": "__probe_i", "is_probe": True}, "$.is_probe"),
    ],
)
async def test_an_event_needs_its_own_scope_whatever_the_route(locked, event, path):
    answer = await locked.post("/v1/events", json=event, headers=bearer(SECRET))
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (403, path)
    mixed = await locked.post("/v1/events", json=[CLICK, event], headers=bearer(SECRET))
    assert mixed.status_code == 202
    assert mixed.json()["errors"][0]["path"] == f"$[1]{path[1:]}"
    assert len(locked.broker.events) == 1


async def test_changes_of_the_catalogue_are_recorded_by_the_key_s_name(locked, caplog):
    with caplog.at_level(logging.INFO, "millstream.audit"):
        await locked.put("/v1/items", json={"item_id": "a", "title": "A"}, headers=bearer(OTHER))
    assert "PUT /v1/items by key 'shop': 1 items changed, 0 refused" in caplog.text
    assert OTHER not in caplog.text


@pytest.mark.parametrize(
    ("settings", "accepted"),
    [
        ({}, True),  # whoever is on this machine can write to Kafka as well
        ({"anonymous_scopes": ["events"]}, False),
        ({"host": "0.0.0.0", "allow_anonymous": True}, False),
        (
            {"host": "::", "allow_anonymous": True, "anonymous_scopes": ["events", "impressions"]},
            True,
        ),
    ],
)
async def test_without_keys_impressions_are_for_this_machine_alone(tmp_path, settings, accepted):
    worker, broker = worker_of(tmp_path, **settings)
    async with client_of(worker) as client:
        answer = await client.post("/v1/events", json=IMPRESSION)
    assert answer.status_code == (202 if accepted else 403)
    assert len(broker.events) == accepted


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "serving.example"])
def test_an_address_that_others_reach_needs_keys(tmp_path, host):
    worker, _ = worker_of(tmp_path, host=host)
    with pytest.raises(ConfigurationError, match="MILLSTREAM_ALLOW_ANONYMOUS"):
        create_app(worker)


async def test_metrics_are_open_where_the_settings_say_so(tmp_path):
    worker, _ = worker_of(tmp_path, api_keys=KEYS, host="0.0.0.0", open_metrics=True)
    async with client_of(worker) as client:
        assert (await client.get("/metrics")).status_code == 200


async def test_a_key_has_as_many_requests_as_its_limit_says_and_others_have_theirs(tmp_path):
    keys = KEYS.replace("[shop]", 'limits = "3/minute; 1000/day"\n[shop]')
    worker, _ = worker_of(tmp_path, api_keys=keys)
    async with client_of(worker) as client:
        statuses = [
            (await client.post("/v1/events", json=CLICK, headers=bearer(SECRET))).status_code
            for _ in range(4)
        ]
        refused = await client.post("/v1/events", json=CLICK, headers=bearer(SECRET))
        other = await client.get("/metrics", headers=bearer(OTHER))
    assert statuses == [202, 202, 202, 429]
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert "3 per 1 minute" in refused.json()["detail"]
    assert other.status_code == 200


async def test_without_keys_an_address_has_a_limit_if_it_is_set(tmp_path):
    worker, _ = worker_of(tmp_path, client_limits="2/minute")
    async with client_of(worker) as client:
        statuses = [(await client.get("/v1/popular")).status_code for _ in range(3)]
        assert (await client.get("/healthz")).status_code == 200
    assert statuses == [200, 200, 429]


async def test_a_store_of_limits_that_is_gone_limits_nobody(tmp_path, caplog):
    worker, _ = worker_of(
        tmp_path,
        client_limits="1/minute",
        limits_in="redis",
        redis_url="redis://127.0.0.1:1/0",
    )
    async with client_of(worker) as client:
        assert [(await client.get("/v1/popular")).status_code for _ in range(3)] == [200] * 3
    assert "Requests are not counted" in caplog.text


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("origin", "kind", "status"),
    [
        ("http://evil.example", "text/plain", 403),
        ("http://evil.example", FORM, 403),
        ("null", "text/plain", 403),
        ("http://serving.evil.example", "text/plain", 403),
        ("http://evil.example", "application/json", 202),  # its browser asks first, and is told no
        ("http://serving", "text/plain", 202),
        (None, FORM, 202),  # curl
    ],
)
async def test_a_page_of_others_writes_nothing_unasked(tmp_path, origin, kind, status):
    worker, broker = worker_of(tmp_path)
    headers = {"Content-Type": kind, **({"Origin": origin} if origin else {})}
    async with client_of(worker) as client:
        body = b'{"type":"interaction","user_id":"u","item_id":"i","kind":"click"}'
        answer = await client.post("/v1/events", content=body, headers=headers)
    assert (answer.status_code, len(broker.events)) == (status, int(status == 202))


async def test_a_browser_is_told_which_origins_may_call(tmp_path):
    worker, _ = worker_of(tmp_path, cors_origins=["https://shop.example"])
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    async with client_of(worker) as client:
        answers = [
            await client.options("/v1/recommend", headers={**ask, "Origin": origin})
            for origin in ("https://shop.example", "https://evil.example")
        ]
    allowed = [answer.headers.get("access-control-allow-origin") for answer in answers]
    assert allowed == ["https://shop.example", None]


async def test_other_names_of_the_server_are_refused_where_they_are_listed(tmp_path):
    worker, _ = worker_of(tmp_path, allowed_hosts=["api.example"])
    async with client_of(worker) as client:
        assert (await client.get("/healthz")).status_code == 400
        assert (await client.get("/healthz", headers={"Host": "api.example"})).status_code == 200


async def test_every_answer_says_what_a_browser_may_do_with_it(tmp_path):
    worker, _ = worker_of(tmp_path)
    async with client_of(worker) as client:
        for path in ("/", "/docs", "/v1/popular", "/nowhere", "/metrics"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert ("script-src 'sha256-" in headers["content-security-policy"]) == (
                path in ("/", "/docs")
            )
            assert "unsafe" not in headers["content-security-policy"]
