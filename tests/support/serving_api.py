"""The HTTP API of a worker without a broker, a Redis or a model."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from millstream.errors import LogUnavailable
from millstream.events import Event
from millstream.settings import Settings
from serving.http import server
from serving.http.app import create_app
from serving.wiring import ServingWorker

CLICK = {"type": "interaction", "user_id": "u", "item_id": "i", "kind": "click"}
SHOWN = {"item_id": "i", "position": 0, "score": 1.0}
IMPRESSION = {"type": "impression", "request_id": "r", "user_id": "u", "items": [SHOWN]}


class Broker:
    """Takes the place of the publisher."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_gone = False
        self.outcomes: dict[str, Exception] = {}  # of events by their id; others are taken

    async def publish(
        self, events: Sequence[Event], written: Sequence[bytes | None] = ()
    ) -> list[Exception | None]:
        """Keep the events."""
        if self.is_gone:
            return [LogUnavailable("No Kafka broker answers.") for _ in events]
        outcomes = [self.outcomes.get(event.event_id) for event in events]
        self.events += [e for e, outcome in zip(events, outcomes, strict=True) if outcome is None]
        return outcomes


class Client(httpx.AsyncClient):
    """A client, with what a test may want to get at behind it."""

    worker: ServingWorker
    broker: Broker
    log: Any
    stored: Any
    removed: list[tuple[str, str, int]]


def worker_of(folder: Path, **settings: Any) -> tuple[ServingWorker, Broker]:
    """A worker whose feeds are off and that turns nobody away, and the broker it publishes to."""
    patient = {"exploration": 0, "request_budget_ms": 60_000, **settings}
    worker = ServingWorker(Settings(_env_file=None, data_dir=folder, **patient))
    broker = Broker()
    worker.producer.publish = broker.publish
    worker.items_consumer.read_to_end = _at_once
    return worker, broker


@contextlib.asynccontextmanager
async def client_of(worker: ServingWorker, **options: Any) -> AsyncIterator[Client]:
    """A client of the worker's application; starts no lifespan: the feeds stay off."""
    app = httpx.ASGITransport(create_app(worker))
    async with Client(transport=app, base_url="http://serving", **options) as found:
        yield found


@contextlib.asynccontextmanager
async def listening(app: ASGIApp, settings: Settings) -> AsyncIterator[int]:
    """The port of the application behind uvicorn as the worker runs it."""
    options = {**server.options(settings), "port": 0, "lifespan": "off", "loop": "none"}
    running = uvicorn.Server(uvicorn.Config(app, **options))
    running.config.load()
    running.lifespan = running.config.lifespan_class(running.config)
    await running.startup()
    try:
        yield running.servers[0].sockets[0].getsockname()[1]
    finally:
        await running.shutdown()


async def _at_once(timeout_s: float = 0.0) -> None:
    """Nothing is to be read."""
