"""An operator's word about snapshots, on a real broker, with a trainer that goes on publishing."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx
import pytest

from millstream.errors import SnapshotCorrupt
from millstream.snapshots import Announcement, SnapshotReader
from tests.support.eventually import eventually
from tests.support.examples import example_message
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.topics import publish, read

ROWS = 40
WAIT_S = 400.0  # a busy machine takes minutes to start a worker
SMALL: dict[str, Any] = {
    "ranker": "fm",
    "embedding_width": 4,
    "batch_size": 64,
    "snapshot_interval_s": 1.0,
    "full_snapshot_every": 4,
    "snapshots_kept": 100,  # a busy machine may take its time between looking and saying
}


class Loop:
    """A trainer with examples that do not end, and a serving worker."""

    def __init__(self, installation: Installation) -> None:
        self.own = installation
        self.reader = SnapshotReader(installation.settings.snapshot_dir)
        self.port = installation.settings.serving_port

    def start(self, worker: str) -> Any:
        listens = {"serve": self.own.serving_listens, "train": self.own.trainer_listens}[worker]
        return self.own.run(worker, ready=listens, timeout_s=WAIT_S)

    def served(self) -> int:
        """The version that is served; 0 where there is none, or no worker."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=10)
        except httpx.HTTPError:
            return 0
        return int(answer.json()["model_version"] or 0)

    def is_sound(self) -> bool:
        """Whether the newest snapshot is whole, with all that it needs."""
        try:
            self.reader.verify(self.newest())
        except SnapshotCorrupt:
            return False
        return True

    def newest(self) -> int:
        return self.reader.latest() or 0

    def wait_for_more(self, snapshots: int) -> None:
        """Wait until the trainer has published so many more."""
        last = self.newest() + snapshots
        eventually(lambda: self.newest() >= last, f"{snapshots} more snapshots", WAIT_S)

    def command(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        return self.own.command("snapshots", *map(str, arguments))


@contextmanager
def examples(installation: Installation) -> Iterator[None]:
    """New examples, some times a second."""
    ended = threading.Event()
    settings = installation.settings

    def feed() -> None:
        for number in count():
            topic = f"{settings.topic_prefix}examples"
            message = (None, example_message(number, ROWS))
            publish(settings.kafka_bootstrap_servers, topic, [message])
            if ended.wait(0.2):
                return

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.fixture
def loop(installation: Installation) -> Iterator[Loop]:
    installation.choose(**SMALL)
    with examples(installation):
        yield Loop(installation)


@pytest.mark.timeout(3000)
def test_a_rollback_holds_until_it_is_lifted_whatever_is_published_or_restarted(loop: Loop):
    trainer, serving = loop.start("train"), loop.start("serve")
    eventually(lambda: loop.served() >= 3, "a snapshot is served", WAIT_S)
    target = loop.served() - 1

    said = loop.command("rollback", target, "--reason", "click rate fell")
    assert (said.returncode, said.stderr) == (0, "")
    assert loop.served() == target  # what the command said is so when it ends
    for _ in range(6):
        loop.wait_for_more(1)
        assert loop.served() == target
    assert scrape(loop.port)["millstream_serving_pinned_version"] == target

    listed = loop.command("list").stdout
    assert "rolled back to (click rate fell)" in listed
    assert f"{loop.port}" in listed

    serving.kill()
    serving = loop.start("serve")
    eventually(lambda: loop.served() == target, "the same version after a restart", WAIT_S)
    trainer.stop()
    trainer = loop.start("train")
    loop.wait_for_more(2)
    assert loop.served() == target
    assert target in loop.reader.versions()

    before = loop.newest()
    assert loop.command("resume").returncode == 0
    eventually(lambda: loop.served() >= before, "the newest is served again", WAIT_S)
    assert scrape(loop.port)["millstream_serving_pinned_version"] == 0

    topic = f"{loop.own.settings.topic_prefix}snapshots"
    messages = read(loop.own.settings.kafka_bootstrap_servers, topic, 10, quiet_s=0.5)
    told = [Announcement.decode(message.value).version for message in messages]
    # The one that the second trainer went on from is told again; else every number is a new one.
    assert sorted(set(told)) == list(dict.fromkeys(told))

    serving.kill()
    missed = loop.command("pause", "--timeout", 2)
    assert missed.returncode == 1
    assert "The command stands" in missed.stderr
    assert f":{loop.port}:" in missed.stderr or "No serving worker" in missed.stderr


@pytest.mark.timeout(2000)
def test_serving_goes_on_with_sound_snapshots_when_the_newest_is_damaged(loop: Loop):
    """A newest snapshot that is cut, under a running trainer, and then before a restart."""
    loop.start("train")
    serving = loop.start("serve")
    eventually(lambda: loop.served() >= 2, "a snapshot is served", WAIT_S)
    damaged = loop.newest()
    file = loop.reader.directory(damaged) / "ranker.tables.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    eventually(lambda: loop.newest() > damaged + 1, "more snapshots", WAIT_S)
    eventually(lambda: loop.served() > damaged, "newer ones are served", WAIT_S)
    eventually(loop.is_sound, "the newest one needs no damaged one", WAIT_S)

    serving.kill()
    newest = loop.newest()
    spoilt = loop.reader.directory(newest) / "retriever.dense.safetensors"
    spoilt.write_bytes(b"")
    loop.start("serve")
    eventually(lambda: loop.served() > 0, "a model", WAIT_S)
