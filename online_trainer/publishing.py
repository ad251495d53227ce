"""Snapshots go out: taken in the trainer's thread, written and announced in another.

What is published, and when, has no influence on what is learnt.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from features.spec import spec_hash
from millstream import __version__
from millstream.clock import Clock
from millstream.errors import SnapshotError
from millstream.snapshots import Announcement, Manifest, SnapshotReader, SnapshotWriter
from millstream.snapshots.announcement import Status
from online_trainer import checkpoint
from online_trainer.checkpoint import Base, Parts
from online_trainer.embeddings.state import forget_removals
from online_trainer.gate import Gate
from online_trainer.pruning import removable
from online_trainer.trainer import Probe, Trainer

log = logging.getLogger(__name__)

_MOST_PROBES = 1_000


@dataclass(frozen=True)
class Schedule:
    """When a snapshot is due.

    Args:
        every_s: seconds between two.
        full_every: every so many snapshots one is full.
        kept: versions on disk; what they are read together with stays too.
        first_after: examples that the very first one has learnt from at the least.
    """

    every_s: float
    full_every: int
    kept: int
    first_after: int = 0


class Published(NamedTuple):
    """A snapshot that was written.

    Args:
        manifest: of it.
        status: `published`, or `held` by the gate.
        bytes: on disk.
        taking_s: seconds that the training stood still for it.
        writing_s: seconds that writing and announcing it took.
    """

    manifest: Manifest
    status: Status
    bytes: int
    taking_s: float
    writing_s: float


@dataclass
class _Taken:
    """A snapshot between being taken and being written."""

    manifest: Manifest
    parts: Parts
    objections: list[str]
    base: Base
    probes: frozenset[Probe]
    seconds: float


@dataclass
class Publisher:
    """Takes, writes, announces and prunes the snapshots of one trainer.

    Args:
        trainer: whose state is published.
        writer, reader: of the snapshot directory.
        announce: sends an announcement on its way; must not raise.
        gate: decides whether it may be served.
        schedule: decides when.
        topic: name of the trainer's input, for the manifest.
        models: configuration of each model, for the manifest.
    """

    trainer: Trainer
    writer: SnapshotWriter
    reader: SnapshotReader
    announce: Callable[[Announcement], None]
    gate: Gate
    schedule: Schedule
    topic: str
    models: dict[str, Any]
    clock: Clock
    base: Base | None = None
    _probes: list[Probe] = field(default_factory=list)
    _deltas: int = 0
    _taken_at: float = 0.0
    _taken_offset: int = -1
    _writing: "Future[Published] | None" = None
    _in_work: _Taken | None = None

    def __post_init__(self) -> None:
        self._taken_at = self.clock.now()
        self._taken_offset = self.trainer.position.offset
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshots")

    @property
    def is_writing(self) -> bool:
        """Whether a snapshot is on its way to the disk."""
        return self._writing is not None

    def passed(self, probes: list[Probe]) -> None:
        """Probe events that the next snapshot will have learnt past."""
        self._probes = [*self._probes, *probes][-_MOST_PROBES:]

    def tell_again(self) -> None:
        """After a restart: tell of the snapshot gone on from, if it is the one to be served.

        The announcement may have been lost with the process before. After a rollback `LATEST`
        points elsewhere, and nothing is told.
        """
        if self.base is None or self.reader.latest() != self.base.version:
            return
        manifest = self.reader.manifest(self.base.version)
        path = str(self.reader.directory(manifest.version))
        self.announce(_announcement(manifest, "published", path, self.clock.now()))

    def tick(self) -> Published | None:
        """Between two messages: collect what was written, take what is due."""
        done = self._collect() if self._writing is not None and self._writing.done() else None
        if self._writing is None and self._is_due():
            self._start()
        return done

    def finish(self) -> Published | None:
        """Write what is not written yet, and wait for it."""
        done = self._collect() if self._writing is not None else None
        if self._is_new():
            self._start()
            done = self._collect()
        self._thread.shutdown()
        return done

    def _is_new(self) -> bool:
        return self.trainer.position.offset > self._taken_offset

    def _is_due(self) -> bool:
        if self.base is None and self.trainer.position.examples < self.schedule.first_after:
            return False
        return self._is_new() and self.clock.now() - self._taken_at >= self.schedule.every_s

    def _start(self) -> None:
        self._taken_at, self._taken_offset = self.clock.now(), self.trainer.position.offset
        self._in_work = self._take()
        self._writing = self._thread.submit(self._write, self._in_work)

    def _take(self) -> _Taken:
        start = time.perf_counter()
        full = self.base is None or self._deltas + 1 >= self.schedule.full_every
        parts = checkpoint.parts(self.trainer, None if full else self.base)
        position = self.trainer.position
        objections = self.gate.objections(parts, self.trainer.progress, position.examples)
        version = max(self.reader.versions(), default=0) + 1
        manifest = Manifest(
            version=version,
            kind="full" if full else "delta",
            parent=None if full or self.base is None else self.base.version,
            created_at=self.clock.now(),
            trained_through_event_time=position.event_time,
            examples=position.examples,
            offsets={f"{self.topic}-0": position.offset},
            source_marks=dict(position.marks),
            spec_hash=spec_hash(),
            code_version=__version__,
            models=self.models,
            metrics=_metrics(self.trainer),
            extra=self._extra("held" if objections else "published"),
        )
        base = Base(version, checkpoint.steps(self.trainer))
        seconds = time.perf_counter() - start
        return _Taken(manifest, parts, objections, base, frozenset(self._probes), seconds)

    def _extra(self, status: Status) -> dict[str, Any]:
        baseline = self.trainer.baseline
        return {
            "status": status,
            "probes": [[probe.event_id, probe.event_time] for probe in self._probes],
            "baseline_version": None if baseline is None else baseline.version,
        }

    def _write(self, taken: _Taken) -> Published:
        """In the other thread."""
        start = time.perf_counter()
        path = self.writer.write(taken.manifest, taken.parts)
        status: Status = "held" if taken.objections else "published"
        if status == "published":
            self.writer.point_latest(taken.manifest.version)
        reason = "; ".join(taken.objections)
        now_s = self.clock.now()
        self.announce(_announcement(taken.manifest, status, str(path), now_s, reason))
        self._prune()
        size = sum(file.stat().st_size for file in path.iterdir())
        return Published(taken.manifest, status, size, taken.seconds, time.perf_counter() - start)

    def _prune(self) -> None:
        manifests = [self.reader.manifest(version) for version in self.reader.versions()]
        for version in removable(manifests, self.schedule.kept, self.reader.latest()):
            self.writer.remove(version)

    def _collect(self) -> Published | None:
        """What came of the writing; None if it failed: then the next snapshot holds it too."""
        assert self._writing is not None and self._in_work is not None
        taken, writing = self._in_work, self._writing
        self._writing, self._in_work = None, None
        try:
            published = writing.result()
        except (SnapshotError, OSError) as error:
            log.error(
                "Snapshot not written, will try again in %gs: %s", self.schedule.every_s, error
            )
            self._taken_offset = -1
            return None
        if taken.objections:
            log.warning(
                "Snapshot %d is held: %s", taken.manifest.version, "; ".join(taken.objections)
            )
        else:
            self._build_on(taken)
        return published

    def _build_on(self, taken: _Taken) -> None:
        """The next delta follows this snapshot."""
        self.base = taken.base
        self._deltas = 0 if taken.manifest.kind == "full" else self._deltas + 1
        self._probes = [probe for probe in self._probes if probe not in taken.probes]
        for role, learner in self.trainer.learners.items():
            forget_removals(learner.tables, taken.base.steps[role])
        baseline = self.trainer.baseline
        if baseline is not None and baseline.version is None:
            checkpoint.restore_ranker(baseline.ranker, self.reader, taken.base.version)
            baseline.version = taken.base.version
            log.info("The baseline is frozen at snapshot %d.", baseline.version)


def _metrics(trainer: Trainer) -> dict[str, float]:
    """The window's quality of all rows; what is not defined yet is left out."""
    values = {
        name: value
        for (segment, span, name), value in trainer.progress.values().items()
        if (segment, span) == ("all", "window")
    }
    return {name: value for name, value in values.items() if value == value}


def _announcement(
    manifest: Manifest, status: Status, path: str, now_s: float, reason: str = ""
) -> Announcement:
    return Announcement(
        version=manifest.version,
        status=status,
        kind=manifest.kind,
        path=path,
        created_at=now_s,
        parent=manifest.parent,
        trained_through_event_time=manifest.trained_through_event_time,
        metrics=manifest.metrics,
        reason=reason,
    )
