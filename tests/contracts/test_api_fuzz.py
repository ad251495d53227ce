"""The API never answers 5xx, whatever is asked within its description or beside it.

The long forms, 10,000 cases each: `python tests/bench/fuzz_api.py` and `fuzz_events.py`.
"""

import time
from collections import Counter

import httpx
import pytest

from features.validation import check
from millstream.codec import decode, encode
from tests.support.api_fuzz import application, fuzz, operations, schema_of
from tests.support.event_mutants import fuzz_events

CASES = 12  # of each operation; there are 17
# What some of the cases must be answered, where it is not 200: made-up ids are of no item.
ITEM, USER = "/v1/items/{item_id}", "/v1/users/{user_id}"
EXPECTED = {
    "POST /v1/events": 202,
    "PUT /v1/items": 202,
    "GET /v1/similar/{item_id}": 404,
    f"GET {USER}/erasure": 404,
    **{f"{method} {each}": 404 for method in ("GET", "PATCH") for each in (ITEM, USER)},
    **{f"{method} {each}": 202 for method in ("PUT", "DELETE") for each in (ITEM, USER)},
}


@pytest.fixture
def made(tmp_path):
    return application(tmp_path)


def test_no_request_is_answered_5xx_and_some_are_taken(made):
    app, broker = made
    total: Counter[int] = Counter()
    for operation in operations(schema_of(app)):
        if operation.path == "/readyz":  # 503 until the catalogue is there
            continue
        statuses = fuzz(operation, CASES, seed=1)
        total += statuses
        assert statuses[EXPECTED.get(operation.label, 200)] > 0, operation.label
    assert total.total() >= 100
    # What was answered 202 is never refused by the stream for its content.
    for event in broker.events:
        check(decode(encode(event), type(event)), time.time())


async def test_broken_events_are_refused_at_every_door_and_end_nothing(made):
    app, broker = made
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        statuses, decoded = await fuzz_events(http, broker, 300, seed=3)
    assert min(statuses[202], statuses[422]) > 0 and set(statuses) <= {202, 413, 422}
    assert min(decoded["taken"], decoded["refused"]) > 0
