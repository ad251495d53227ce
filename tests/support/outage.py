"""Every worker at once, for tests that take a service away from under all of them."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx

from deploy.local import LocalServices, Process
from features.spec import ITEM_STATS, USER_STATS
from millstream.codec import encode
from millstream.events import Event
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.stream_cases import interaction, item_upsert
from tests.support.stream_outcome import examples, online, send

USERS = [f"u{n}" for n in range(40)]
ITEMS = [f"i{n}" for n in range(25)]
K = 10
TIMEOUT_S = 90.0
LEARNT = "millstream_trainer_examples_total"
SMALL = {
    "ranker": "fm",
    "embedding_width": 4,
    "batch_size": 64,
    "sampled_negatives": 1,
    "allowed_lateness_s": 1_000.0,
    "snapshot_interval_s": 1.0,
    "exploration": 0,
    "request_budget_ms": 5_000,
}


def clicks(count: int, first: int) -> list[Event]:
    """Clicks with ids of their own, of which every tenth is sent twice."""
    random = Random(first)
    events: list[Event] = []
    for n in range(first, first + count):
        user, item = random.choice(USERS), random.choice(ITEMS)
        events.append(interaction(n / 50, user, item, event_id=f"e{n}"))
        if n % 10 == 0:
            events.append(events[-1])
    return events


class World:
    """An installation in which every worker runs, and what has been sent to it."""

    def __init__(self, installation: Installation, http: httpx.Client) -> None:
        self.installation, self.settings, self.http = installation, installation.settings, http
        self.workers: dict[str, Process] = {}
        self.sent: set[str] = set()

    def start(self) -> None:
        """Start every worker, and wait until the catalogue and a snapshot are served."""
        own = self.installation
        send(self.settings, [item_upsert(-10, item, title=item) for item in ITEMS])
        self.publish(clicks(300, first=0))
        self.workers = {
            "serving": own.run("serve"),
            "trainer": own.run("train"),
            "stream": own.run("stream", ready=own.stream_listens),
        }
        self.workers["serving"].wait_until(own.serving_listens, TIMEOUT_S)
        self.wait_counted()
        eventually(lambda: self.version() > 0, "a snapshot is served", TIMEOUT_S)
        eventually(lambda: self.ready()["items"] == len(ITEMS), "the catalogue", TIMEOUT_S)

    def publish(self, events: list[Event]) -> None:
        """Send events to the broker."""
        send(self.settings, events)
        self.sent |= {event.event_id for event in events}

    def post(self, *events: Event) -> httpx.Response:
        """Send events through the API; they count as sent once they are accepted."""
        answer = self.http.post("/v1/events", json=[json.loads(encode(event)) for event in events])
        if answer.status_code == httpx.codes.ACCEPTED:
            self.sent |= {event.event_id for event in events}
        return answer

    def recommend(self) -> dict[str, Any]:
        """A list, which must be there and be complete."""
        answer = self.http.post("/v1/recommend", json={"user_id": "a visitor", "k": K})
        assert answer.status_code == httpx.codes.OK, answer.text
        listed: dict[str, Any] = answer.json()
        assert len({place["item_id"] for place in listed["items"]}) == K
        return listed

    def ready(self) -> dict[str, Any]:
        """What `/readyz` says."""
        return self.http.get("/readyz").json()

    def version(self) -> int:
        """Of the snapshot that is served; 0 before the first."""
        return int(self.ready()["model_version"] or 0)

    def counted(self) -> tuple[int, int]:
        """Events in the features of all users, and in those of all items."""
        users = online(self.settings, USER_STATS, USERS)
        items = online(self.settings, ITEM_STATS, ITEMS)
        return (
            round(sum(user["user_events_30d"] or 0.0 for user in users)),
            round(sum(item["item_events_30d"] or 0.0 for item in items)),
        )

    def wait_counted(self) -> None:
        """Wait until all that was sent is in the features."""
        count = len(self.sent)
        eventually(lambda: min(self.counted()) >= count, f"{count} are counted", TIMEOUT_S, 0.5)

    def check_counted_once(self) -> None:
        """Every event is in the features, in the examples and in the training, and once in each."""
        assert self.counted() == (len(self.sent), len(self.sent))
        rows = examples(self.settings)
        positives = Counter(row["event_id"] for row in rows if row["label"] == 1.0)
        assert positives == Counter(self.sent)
        port = self.settings.trainer_metrics_port
        eventually(lambda: scrape(port)[LEARNT] >= len(rows), "all is learnt", TIMEOUT_S)
        time.sleep(1.0)
        assert scrape(port)[LEARNT] == len(rows)


@contextmanager
def world(services: LocalServices, name: str, folder: Path) -> Iterator[World]:
    """Every worker on services that the test may kill."""
    prefix = Installation.fresh_prefix(name)
    with Installation(
        services.bootstrap_servers, services.redis_url, prefix, folder / name, **SMALL
    ) as own:
        own.create_topics()
        with httpx.Client(
            base_url=f"http://127.0.0.1:{own.settings.serving_port}", timeout=20
        ) as http:
            found = World(own, http)
            found.start()
            yield found
