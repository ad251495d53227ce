"""Hostile requests for the HTTP API, made by schemathesis from its own description."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import hypothesis.errors
import schemathesis
from fastapi import FastAPI
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema

from millstream.topics import Topic
from serving.http.app import create_app
from tests.support.serving_api import Broker, worker_of
from tests.support.serving_cases import upsert
from tests.support.stored_people import StoredPeople

# A busy machine must not look like an answer that never comes.
TIMEOUT_S = 120
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


def application(folder: Path) -> tuple[FastAPI, Broker]:
    """The API of a worker with some items, without a broker or a Redis, and where events go."""
    # Every call has an event loop of its own, so the time between two looks like one that is late.
    worker, broker = worker_of(folder, request_budget_ms=1e9)
    worker.recommender._breaker.allows = lambda: False
    items = [upsert(str(n), title=f"Number {n}", categories=["a", "b"][n % 2 :]) for n in range(50)]
    worker.catalogue.upsert(items)
    worker.producer.remove = _removed
    StoredPeople(worker.people)
    app = create_app(worker)
    app.router.lifespan_context = _nothing
    return app, broker


def schema_of(app: FastAPI) -> BaseSchema:
    """The description of the application, whose cases call the application."""
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def operations(schema: BaseSchema) -> Iterator[APIOperation]:
    """What the description describes."""
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


def fuzz(operation: APIOperation, cases: int, seed: int) -> Counter[int]:
    """Send `cases` requests to one operation, legal ones and others; answers by status.

    Raises:
        AssertionError: an answer is a 5xx, or an exception came instead; says which request.
    """
    statuses: Counter[int] = Counter()

    def send(case: schemathesis.Case) -> None:
        answer = case.call(timeout=TIMEOUT_S)
        statuses[answer.status_code] += 1
        assert answer.status_code < 500, (answer.status_code, answer.text, case.as_curl_command())

    for number, mode in enumerate(MODES):
        strategy = operation.as_strategy(generation_mode=mode)
        given = hypothesis.given(case=strategy)(send)
        given = hypothesis.seed(seed + number)(given)
        run = hypothesis.settings(
            max_examples=max(cases // len(MODES), 1),
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )(given)
        with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # nothing can be wrong with it
            run()
    return statuses


async def _removed(topic: Topic, key: str, time_ms: int) -> None:
    """The broker has it."""
    assert key.encode() and time_ms > 0


@contextlib.asynccontextmanager
async def _nothing(app: FastAPI) -> AsyncIterator[None]:
    """The feeds stay off."""
    yield
