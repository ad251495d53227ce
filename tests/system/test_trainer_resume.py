"""The trainer on a real broker: killed at any moment, it ends as if it had never been."""

import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from millstream.snapshots import Announcement, SnapshotReader
from millstream.snapshots.manifest import Manifest
from tests.support.eventually import eventually
from tests.support.examples import example_message
from tests.support.installation import Installation
from tests.support.topics import publish, read
from tests.support.training import Trainers, differences

MESSAGES = 100
ROWS = 200
KILLS = 2


@pytest.fixture
def published(installation: Installation, kafka: str) -> Installation:
    """An installation whose topic `examples` holds everything from the start."""
    installation.choose(batch_size=128, embedding_width=8, snapshot_interval_s=0.2)
    topic = f"{installation.settings.topic_prefix}examples"
    publish(kafka, topic, [(None, example_message(n, ROWS)) for n in range(MESSAGES)])
    return installation


def newest(folder: Path) -> Manifest | None:
    reader = SnapshotReader(folder)
    version = reader.latest()
    return None if version is None else reader.manifest(version)


def offset(folder: Path) -> int:
    manifest = newest(folder)
    return 0 if manifest is None else sum(manifest.offsets.values())


def _has_passed(folder: Path, before: int) -> bool:
    return offset(folder) > before


def test_killed_at_random_moments_it_learns_what_it_would_have_learnt(
    published: Installation, kafka: str
):
    moments = random.Random(7)
    folder = published.settings.snapshot_dir
    for kill in range(KILLS):
        before = offset(folder)
        worker = published.run("train")
        eventually(partial(_has_passed, folder, before), "a further snapshot", 120, 0.005)
        time.sleep(moments.uniform(0.0, 0.3))
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(10)
        assert offset(folder) < MESSAGES, f"kill {kill} came too late to be one"
    _to_the_end(published, folder)

    trainers = Trainers(published.settings)
    uninterrupted = trainers.fresh()
    for number in range(MESSAGES):
        uninterrupted.consume(example_message(number, ROWS), number)
    interrupted = trainers.restored(folder)
    uninterrupted.offsets.log = interrupted.offsets.log  # that of the broker's topic
    assert interrupted.offsets == uninterrupted.offsets
    assert interrupted.offsets.examples == MESSAGES * ROWS
    assert differences(interrupted, uninterrupted) == []

    topic = f"{published.settings.topic_prefix}snapshots"
    said = [Announcement.decode(message.value) for message in read(kafka, topic, 2, quiet_s=0.5)]
    assert {each.status for each in said} == {"published"}
    # What the last trainer wrote last, it also told.
    assert said[-1].version == SnapshotReader(folder).latest()


def _to_the_end(installation: Installation, folder: Path) -> None:
    worker = installation.run("train")
    eventually(lambda: offset(folder) == MESSAGES, "all messages to be learnt", 180, 0.1)
    worker.stop()
    assert worker.returncode == 0
