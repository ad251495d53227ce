"""What is served: what the trainer names, what an operator says, and what stands in for it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from millstream.clock import FakeClock
from millstream.snapshots import (
    Announcement,
    Control,
    Manifest,
    SnapshotReader,
    SnapshotWriter,
    write_control,
)
from serving.consumers.snapshots import SnapshotFollower
from serving.consumers.status_reporter import StatusReporter
from serving.metrics import Metrics
from tests.support.serving_cases import NOW_S


@dataclass
class Record:
    """What of a Kafka record is looked at."""

    value: bytes | None


@dataclass
class Current:
    """A model, of which only the version matters."""

    version: int


@dataclass
class Service:
    """`Models` that serve every version that is sound and not held, and note what they served."""

    reader: SnapshotReader
    current: Current | None = None
    why_not: str = ""
    served: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    async def serve(self, version: int, *, forced: bool = False, exact: bool = False) -> bool:
        try:
            self.reader.verify(version)
            if self.reader.manifest(version).is_held and not forced:
                raise RuntimeError("held")
        except Exception as error:
            self.why_not = str(error)
            self.refused.append(version)
            return False
        if self.current is None or self.current.version != version:
            self.served.append(version)
            self.current = Current(version)
        return True


class Stage:
    """A folder of snapshots, and a follower that serves from it."""

    def __init__(self, root: Path) -> None:
        self.root, self.writer = root, SnapshotWriter(root)
        self.begin()

    def begin(self) -> None:
        """A worker that starts: it remembers nothing."""
        self.metrics = Metrics()
        reader = SnapshotReader(self.root)
        self.service = Service(reader)
        self.follower = SnapshotFollower(reader, self.service, FakeClock(), self.metrics)  # type: ignore[arg-type]

    def write(self, *versions: int, held: bool = False) -> None:
        """Full snapshots, published where they are not held."""
        for version in versions:
            extra = {"status": "held", "reason": "not finite"} if held else {}
            manifest = Manifest(version=version, kind="full", created_at=NOW_S, extra=extra)
            self.writer.write(manifest, {"dense": {"w": np.zeros(3)}})
            if not held:
                self.writer.point_latest(version)

    def spoil(self, version: int) -> None:
        path = SnapshotReader(self.root).directory(version) / "dense.safetensors"
        path.write_bytes(path.read_bytes()[:-1])

    def say(self, number: int, action: str = "follow", version: int | None = None, **more: bool):
        write_control(
            self.root,
            Control(number=number, action=action, version=version, **more),  # type: ignore[arg-type]
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.follower.run())
        await self.turn()
        try:
            yield
        finally:
            task.cancel()

    async def turn(self) -> None:
        """Let the follower see what is new."""
        self.follower._changed.set()
        await asyncio.sleep(0.05)

    def gauge(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"millstream_serving_{name}", labels)


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def announced(version, status="published"):
    found = Announcement(version=version, status=status, kind="full", path="", created_at=NOW_S)
    return Record(found.encode())


async def test_the_version_that_was_named_last_is_served(stage):
    stage.write(3)
    async with stage.running():
        stage.write(4, 5)
        stage.write(6, held=True)
        garbage = [Record(b"nonsense"), Record(None), Record(b"[" * 100_000)]
        stage.follower.announced([announced(4), announced(5), announced(6, "held"), *garbage])
        await stage.turn()
    assert stage.service.served == [3, 5]
    assert stage.gauge("feed_errors_total", topic="snapshots") == 3


async def test_a_pointer_that_has_not_changed_does_not_undo_an_announcement(stage):
    stage.write(3, 4)
    stage.writer.point_latest(3)
    async with stage.running():
        stage.follower.announced([announced(4)])
        await stage.turn()
        await stage.turn()
    assert stage.service.served == [3, 4]


@pytest.mark.parametrize("action", ["pin", "rollback", "pause"])
async def test_a_command_holds_against_all_that_is_published_and_over_a_restart(stage, action):
    stage.write(1, 2, 3)
    async with stage.running():
        stage.say(1, action, 2)
        await stage.turn()
        stage.write(4)
        stage.follower.announced([announced(4)])
        await stage.turn()
        assert stage.service.served == [3, 2]
        assert stage.follower.control.number == 1
        assert stage.gauge("pinned_version") == 2
        assert stage.gauge("control", action=action) == 1
        assert stage.gauge("control", action="follow") == 0
    stage.begin()
    async with stage.running():
        assert stage.service.served == [2]
        stage.say(2)
        await stage.turn()
        assert stage.service.served == [2, 4]
        assert stage.gauge("pinned_version") == 0
        assert stage.gauge("control", action="follow") == 1


async def test_a_held_one_is_served_only_where_it_is_forced(stage):
    stage.write(1)
    stage.write(2, held=True)
    async with stage.running():
        stage.say(1, "pin", 2)
        await stage.turn()
        assert stage.service.served == [1]
        assert stage.follower.trouble == "held"
        stage.say(2, "pin", 2, forced=True)
        await stage.turn()
        assert stage.service.served == [1, 2]
        assert stage.follower.trouble == ""


async def test_a_worker_that_starts_on_a_broken_newest_one_serves_the_newest_sound(stage):
    stage.write(1, 2, 3, 4)
    stage.write(5, held=True)
    stage.spoil(3)
    stage.spoil(4)
    async with stage.running():
        assert stage.service.served == [2]
        stage.write(6)
        await stage.turn()
        assert stage.service.served == [2, 6]


@pytest.mark.parametrize("pointer", [None, "", "99", "not a number"])
async def test_a_worker_whose_pointer_leads_nowhere_serves_the_newest_sound(stage, pointer):
    stage.write(1, 2)
    (stage.root / "LATEST").unlink()
    if pointer is not None:
        (stage.root / "LATEST").write_text(pointer)
    async with stage.running():
        assert stage.service.served == [2]


async def test_a_broken_one_keeps_no_newer_one_out_and_is_tried_once(stage):
    stage.write(1)
    async with stage.running():
        stage.write(2, 3)
        stage.spoil(3)
        for _ in range(3):
            await stage.turn()
        assert stage.service.served == [1, 2]
        assert stage.service.refused == [3]
        stage.write(4)
        await stage.turn()
        assert stage.service.served == [1, 2, 4]


async def test_a_version_that_nobody_wrote_does_no_harm(stage):
    stage.write(1)
    async with stage.running():
        stage.follower.announced([announced(10**12)])
        await stage.turn()
        stage.write(2)
        await stage.turn()
        assert stage.service.served == [1, 2]


async def test_where_the_pinned_one_is_broken_what_is_served_goes_on(stage):
    stage.write(1, 2, 3)
    async with stage.running():
        stage.spoil(2)
        stage.say(1, "pin", 2)
        await stage.turn()
        assert stage.service.served == [3]
        assert "does not match its checksum" in stage.follower.trouble
    stage.begin()
    async with stage.running():  # a worker without a model takes an older one rather than a newer
        assert stage.service.served == [1]


async def test_a_command_that_cannot_be_read_leaves_the_one_before(stage):
    stage.write(1, 2)
    stage.say(1, "pin", 1)
    async with stage.running():
        (stage.root / "CONTROL").write_bytes(b"{")
        stage.write(3)
        await stage.turn()
        assert stage.service.served == [1]


async def test_a_folder_without_snapshots_expects_none(stage):
    async with stage.running():
        assert not stage.follower.expects_model
        shutil.rmtree(stage.root)
        await stage.turn()
        assert stage.service.served == []


async def test_what_a_worker_tells_is_what_it_serves_and_obeys(stage):
    told = []

    class Broker:
        async def tell(self, topic, key, value):
            told.append((topic.name, key, value))

    stage.write(1, 2)
    models, follower = stage.service, stage.follower
    reporter = StatusReporter(models, follower, Broker(), FakeClock(5.0), 8000)  # type: ignore[arg-type]
    command = Control(number=3, action="pin", version=1)
    assert not reporter.state().obeys(command)
    async with stage.running():
        stage.say(3, "pin", 1)
        await stage.turn()
        running = asyncio.create_task(reporter.run())
        await asyncio.sleep(0.01)
        running.cancel()
    state = reporter.state()
    assert (state.version, state.control, state.trouble, state.told_at) == (1, 3, "", 5.0)
    assert state.obeys(command)
    assert not state.obeys(Control(number=4))
    assert told == [("serving", state.worker.encode(), state.encode())]
    assert ":8000:" in state.worker
