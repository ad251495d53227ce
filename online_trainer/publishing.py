"""Snapshots go out: taken in the trainer's thread, written and announced in another.

What is published, and when, has no influence on what is learnt.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from millstream.clock import Clock
from millstream.errors import SnapshotError
from millstream.snapshots import Announcement, Manifest, SnapshotReader, SnapshotWriter
from millstream.snapshots.announcement import Status
from online_trainer import checkpoint
from online_trainer.checkpoint import Base
from online_trainer.embeddings.state import forget_removals
from online_trainer.pruning import removable
from online_trainer.taking import Taken, Taker
from online_trainer.trainer import Probe

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
        every_examples: learnt from after the last one, they make the next one due before its time.
    """

    every_s: float
    full_every: int
    kept: int
    first_after: int = 0
    every_examples: float = inf


class Published(NamedTuple):
    """A snapshot that was written.

    Args:
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
class Publisher:
    """Takes, writes, announces and prunes the snapshots of one trainer.

    A delta builds on the newest *published* snapshot: what was held, or could not be written, is in
    the next one. One snapshot is on its way at a time.

    Args:
        taker: of the trainer's snapshots.
        writer, reader: of the snapshot directory.
        announce: sends an announcement on its way; must not raise.
        schedule: decides when a snapshot is due.
        clock: the time of day.
        base: the snapshot that the trainer went on from.
        on_failure: called when a snapshot could not be written.
    """

    taker: Taker
    writer: SnapshotWriter
    reader: SnapshotReader
    announce: Callable[[Announcement], None]
    schedule: Schedule
    clock: Clock
    base: Base | None = None
    on_failure: Callable[[], None] = lambda: None
    _probes: list[Probe] = field(default_factory=list)
    _deltas: int = 0
    _taken: Taken | None = None
    _writing: "Future[Published] | None" = None

    def __post_init__(self) -> None:
        self._trainer = self.taker.trainer
        self._taken_at = self.clock.now()
        self._taken_offset = self._trainer.position.offset
        self._taken_log = self._trainer.position.log
        self._taken_examples = self._trainer.position.examples
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
        if self._writing is None and self._is_new() and self._is_due():
            self._start()
        return done

    def finish(self) -> Published | None:
        """Write what is not written yet, and wait for it."""
        done = self._collect() if self._writing is not None else None
        if self._is_new():
            self._start()
            done = self._collect() or done
        self._thread.shutdown()
        return done

    def _is_new(self) -> bool:
        position = self._trainer.position
        if position.log != self._taken_log:  # another log counts its offsets anew
            return position.examples > self._taken_examples
        return position.offset > self._taken_offset

    def _is_due(self) -> bool:
        schedule, examples = self.schedule, self._trainer.position.examples
        if self.base is None and examples < schedule.first_after:
            return False
        are_enough = examples - self._taken_examples >= schedule.every_examples
        return are_enough or self.clock.now() - self._taken_at >= schedule.every_s

    def _start(self) -> None:
        position = self._trainer.position
        self._taken_at = self.clock.now()
        self._taken_offset, self._taken_examples = position.offset, position.examples
        self._taken_log = position.log
        is_full = self._deltas + 1 >= self.schedule.full_every
        version = max(self.reader.versions(), default=0) + 1
        parent = None if is_full else self.base
        self._taken = self.taker.take(version, parent, frozenset(self._probes), self._taken_at)
        self._writing = self._thread.submit(self._write, self._taken)

    def _write(self, taken: Taken) -> Published:
        """In the other thread."""
        start = time.perf_counter()
        path = self.writer.write(taken.manifest, taken.parts)
        if taken.status == "published":
            self.writer.point_latest(taken.manifest.version)
        reason, now_s = "; ".join(taken.objections), self.clock.now()
        self.announce(_announcement(taken.manifest, taken.status, str(path), now_s, reason))
        self._prune()
        size = sum(file.stat().st_size for file in path.iterdir())
        seconds = time.perf_counter() - start
        return Published(taken.manifest, taken.status, size, taken.seconds, seconds)

    def _prune(self) -> None:
        """Remove what nothing needs; what cannot be read is left for a person to look at."""
        manifests = []
        for version in self.reader.versions():
            try:
                manifests.append(self.reader.manifest(version))
            except SnapshotError as error:
                log.debug("Snapshot %d is left alone: %s", version, error)
        for version in removable(manifests, self.schedule.kept, self.reader.latest()):
            self.writer.remove(version)

    def _collect(self) -> Published | None:
        """What came of the writing; None if it failed."""
        taken, writing = self._taken, self._writing
        assert taken is not None and writing is not None
        self._taken, self._writing = None, None
        try:
            published = writing.result()
        except (SnapshotError, OSError) as error:
            wait_s = self.schedule.every_s
            log.error("Snapshot not written, will try again within %g s: %s", wait_s, error)
            self._taken_offset = -1
            self.on_failure()
            return None
        if taken.status == "published":
            self._build_on(taken)
        else:
            log.warning(
                "Snapshot %d is held: %s", taken.manifest.version, "; ".join(taken.objections)
            )
        return published

    def _build_on(self, taken: Taken) -> None:
        """The next delta follows this snapshot."""
        self.base = taken.base
        self._deltas = 0 if taken.manifest.kind == "full" else self._deltas + 1
        self._probes = [probe for probe in self._probes if probe not in taken.probes]
        for role, learner in self._trainer.learners.items():
            forget_removals(learner.tables, taken.base.steps[role])
        baseline = self._trainer.baseline
        if baseline is not None and baseline.version is None:
            checkpoint.restore_ranker(baseline.ranker, self.reader, taken.base.version)
            baseline.version = taken.base.version
            log.info("The baseline is frozen at snapshot %d.", baseline.version)


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
