"""An installation without Kafka and Redis: killed in the middle of a load, then moved to both."""

import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deploy.local import Process
from millstream.snapshots import SnapshotReader
from tests.support.eventually import eventually
from tests.support.installation import Installation

USERS, ITEMS = [f"u{n}" for n in range(8)], [f"i{n}" for n in range(400)]
SETTINGS = {
    "snapshot_interval_s": 1.0,
    "first_snapshot_examples": 50,
    "offline_flush_s": 1.0,
    "exploration": 0,
    "request_budget_ms": 10_000,
    "sampled_negatives": 1,
}


class Box:
    """A box with a client, and a ledger of the events that it has accepted."""

    def __init__(self, installation: Installation) -> None:
        self.own, self.folder = installation, installation.folder / "box"
        self.own.choose(**SETTINGS)
        port = installation.settings.serving_port
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)
        self.accepted: Counter[str] = Counter()
        self.process: Process

    def start(self) -> None:
        ready = self.own.serving_listens
        command = ("serve", "--all-in-one", "--dir", str(self.folder))
        self.process = self.own.run(*command, ready=ready, timeout_s=60)

    def accepts(self, events: list[dict[str, str]]) -> bool:
        """Send events, and enter them in the ledger where all were taken."""
        try:
            answer = self.http.post("/v1/events", json=events)
        except httpx.TransportError:
            return False
        if answer.status_code != 202:
            return False
        self.accepted.update(event["user_id"] for event in events)
        return True

    def counted(self) -> Counter[str]:
        """Events by user as the feature that decays slowly enough to count them has them."""
        answers = {user: self.http.get(f"/v1/users/{user}") for user in USERS}
        return Counter(
            {
                user: round(answer.json()["features"]["user_events_30d"])
                for user, answer in answers.items()
                if answer.status_code == 200
            }
        )


@pytest.fixture
def box(installation: Installation) -> Iterator[Box]:
    found = Box(installation)
    yield found
    found.http.close()


def batch(size: int = 20) -> list[dict[str, str]]:
    """Clicks with ids of their own: a batch that is sent again must have no second effect."""
    return [
        {
            "type": "interaction",
            "event_id": uuid.uuid4().hex,
            "user_id": USERS[n % len(USERS)],
            "item_id": ITEMS[uuid.uuid4().int % len(ITEMS)],
            "kind": "click",
        }
        for n in range(size)
    ]


def examples_learnt(own: Installation) -> int:
    """How many examples the newest snapshot has learnt."""
    reader = SnapshotReader(own.settings.snapshot_dir)
    newest = reader.newest_sound(lambda manifest: True)
    return 0 if newest is None else reader.manifest(newest).examples


def test_nothing_is_lost_or_doubled_by_a_kill_and_all_of_it_moves_to_kafka_and_redis(box):
    box.start()
    items = [{"item_id": item, "title": item} for item in ITEMS]
    assert box.http.put("/v1/items", json=items).status_code == 202
    assert box.http.post("/v1/recommend", json={"user_id": "u0"}).status_code == 200
    for _ in range(10):
        assert box.accepts(batch())
    unsure = batch()
    box.process.kill()
    assert not box.accepts(unsure)
    box.start()
    eventually(lambda: box.accepts(unsure), "the box takes events again", 60)
    assert box.accepts(unsure)  # an answer that was lost: sent again
    box.accepted.subtract(event["user_id"] for event in unsure)
    eventually(lambda: box.counted() == box.accepted, "each event has counted once", 60)

    def served() -> dict[str, Any]:
        answer = box.http.post("/v1/recommend", json={"user_id": "u0", "k": 5})
        return dict(answer.json())

    eventually(lambda: served()["model_version"], "a snapshot is served", 120)
    assert len(served()["items"]) == 5
    box.process.stop()

    own = box.own
    moved = own.command("migrate", str(box.folder))
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert "DIFFER" not in moved.stdout
    assert "the stream and the trainer go on where they were" in moved.stdout
    before = examples_learnt(own)
    assert before > 0

    for worker in ("stream", "train"):
        own.run(worker)
    own.run("serve", ready=own.serving_listens)
    eventually(lambda: box.counted() == box.accepted, "the features have moved", 60)
    more = batch(40)
    eventually(lambda: box.accepts(more), "Kafka takes events", 60)
    eventually(lambda: box.counted() == box.accepted, "what comes counts on top", 90)
    # A positive and its negative each: none of those before is learnt again.
    eventually(lambda: examples_learnt(own) == before + 80, "new examples are learnt", 120)


def test_a_folder_has_one_box(box):
    box.start()
    second = box.own.command("serve", "--all-in-one", "--dir", str(box.folder))
    assert second.returncode == 1
    assert "Each folder must have one process" in second.stderr
