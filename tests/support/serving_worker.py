"""A serving worker that runs, with a catalogue and snapshots to serve."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from millstream import kafka
from millstream.events import Event, ItemUpsert
from millstream.ids import id64_array
from millstream.publishing import EventPublisher
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.served_snapshots import SnapshotMaker

ITEMS = [
    ItemUpsert(
        event_id=f"upsert-{number}",
        event_time=time.time(),
        item_id=str(number),
        title=f"Number {number} of many {number * 7919}",
        categories=["even" if number % 2 == 0 else "odd"],
        attributes={"release_year": 1900.0 + number % 100},
    )
    for number in range(400)
]

# What is tested here is what is answered, not how soon: a busy machine must not degrade a list.
PATIENT: dict[str, Any] = {"exploration": 0, "request_budget_ms": 5_000}


class Served:
    """An installation whose serving worker runs and knows its items.

    Args:
        items: published before it starts.
        models: of its snapshots; small ones for tests.
        workers: processes behind its port.
    """

    def __init__(
        self,
        installation: Installation,
        items: Sequence[ItemUpsert] = ITEMS,
        models: dict[str, Any] | None = None,
        workers: int = 1,
    ) -> None:
        self.installation = installation
        self.items = items
        ids = id64_array([item.item_id for item in items])
        self.snapshots = SnapshotMaker(installation.settings.snapshot_dir, ids, models)
        self.port = installation.settings.serving_port
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10)
        self.newest = 0
        self._workers = workers

    def __enter__(self) -> Self:
        self.send(*self.items)
        ready = self.installation.serving_listens
        command = ["serve"] if self._workers == 1 else ["serve", "--workers", str(self._workers)]
        self._process = self.installation.run(*command, ready=ready, timeout_s=180)
        eventually(lambda: self.ready()["items"] >= len(self.items), "the catalogue is there", 60)
        return self

    def __exit__(self, *raised: object) -> None:
        self.http.close()

    def send(self, *events: Event) -> None:
        """Publish events to Kafka."""
        producer = kafka.producer(self.installation.settings)
        publisher = EventPublisher(producer, self.installation.settings)
        for event in events:
            publisher.send(event)
        publisher.flush()
        producer.close()

    def processes(self) -> list[psutil.Process]:
        """The worker; or the parent, and then its workers."""
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children()]

    def cpu_s(self) -> float:
        """CPU time that they have used so far, seconds."""
        times = [process.cpu_times() for process in self.processes()]
        return float(sum(each.user + each.system for each in times))

    def ready(self) -> dict[str, Any]:
        """What `/readyz` says."""
        return self.http.get("/readyz").json()

    def version(self) -> str:
        """Of the snapshot that is served."""
        return self.ready()["model_version"]

    def recommend(self, **body: Any) -> dict[str, Any]:
        """The answer to a request that must not fail."""
        answer = self.http.post("/v1/recommend", json={"user_id": "u1", **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, parent: int | None = None, **options: Any) -> int:
        """Write the next version."""
        self.newest += 1
        self.snapshots.write(self.newest, parent, **options)
        return self.newest

    def write_and_serve(self, parent: int | None = None) -> int:
        """The next version, once it is served."""
        version = self.write(parent)
        eventually(lambda: self.version() == str(version), f"{version} is served", 60)
        return version


@contextmanager
def worker(
    servers: str, redis_url: str, prefix: str, folder: Path, **settings: Any
) -> Iterator[Served]:
    """An installation with a serving worker that knows `ITEMS`."""
    with Installation(
        servers, redis_url, prefix, folder, **{**PATIENT, **settings}
    ) as installation:
        installation.create_topics()
        with Served(installation) as found:
            yield found
