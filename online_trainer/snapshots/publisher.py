"""Publication of snapshots: captured in the trainer's thread, written and announced in another.

What is published, and when, has no influence on what is learnt.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import InitVar, dataclass, field
from math import inf
from typing import NamedTuple

from millstream.clock import Clock
from millstream.errors import SnapshotError
from millstream.snapshots import Announcement, Manifest, SnapshotReader, SnapshotWriter
from millstream.snapshots.announcement import Status
from millstream.snapshots.layout import Role
from millstream.snapshots.reader import Traces
from online_trainer.embeddings.state import drop_tombstones
from online_trainer.evaluation.baseline import FrozenBaseline
from online_trainer.snapshots import checkpoint
from online_trainer.snapshots.announcing import announcement, fall_back
from online_trainer.snapshots.capture import PendingSnapshot, SnapshotBuilder
from online_trainer.snapshots.checkpoint import Base
from online_trainer.snapshots.lineage import Lineage
from online_trainer.snapshots.retention import prune
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
        traces: of its files and of those it is read together with, as they were written.
        bytes: on disk.
        capture_s: seconds that the training stood still for it.
        write_s: seconds that writing and announcing it took.
    """

    manifest: Manifest
    status: Status
    traces: Traces
    bytes: int
    capture_s: float
    write_s: float


@dataclass
class SnapshotPublisher:
    """Captures, writes, announces and prunes the snapshots of one trainer.

    A delta builds on the newest *published* snapshot: what was held, or could not be written, is in
    the next one. One snapshot is on its way at a time.

    Args:
        builder: of the trainer's snapshots.
        writer, reader: of the snapshot directory.
        announce: sends an announcement on its way; must not raise.
        schedule: decides when a snapshot is due.
        clock: the time of day.
        base: the snapshot that the trainer went on from.
        on_failure: called when a snapshot could not be written.
        on_promotion: called with the roles that challengers have taken over.
        on_fall_back: called when serving was sent back to an earlier snapshot.

    Attributes:
        lineage: numbers and parents of what is published.
        executor: writes them; a thread of its own unless given.
    """

    builder: SnapshotBuilder
    writer: SnapshotWriter
    reader: SnapshotReader
    announce: Callable[[Announcement], None]
    schedule: Schedule
    clock: Clock
    base: InitVar[Base | None] = None
    on_failure: Callable[[], None] = lambda: None
    on_promotion: Callable[[list[Role]], None] = lambda roles: None
    on_fall_back: Callable[[], None] = lambda: None
    executor: Executor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="snapshots")
    )
    _probes: list[Probe] = field(default_factory=list)
    _pending: PendingSnapshot | None = None
    _writing: "Future[Published] | None" = None

    def __post_init__(self, base: Base | None) -> None:
        self._trainer = self.builder.trainer
        self._captured_at = self.clock.now()
        self._captured_offset = self._trainer.offsets.offset
        self._captured_log = self._trainer.offsets.log
        self._captured_examples = self._trainer.offsets.examples
        self.lineage = Lineage(self.reader, base)

    @property
    def is_writing(self) -> bool:
        """True if a snapshot is on its way to the disk."""
        return self._writing is not None

    def passed(self, probes: list[Probe]) -> None:
        """Probe events that the next snapshot will have learnt past."""
        self._probes = [*self._probes, *probes][-_MOST_PROBES:]

    def reannounce(self) -> None:
        """Re-announce the snapshot that we resumed from if `LATEST` still points to it.

        The announcement may have been lost with the process before. Where `LATEST` points to one
        that cannot be read any more, nothing is told.
        """
        base = self.lineage.base
        if base is None or self.reader.latest() != base.version:
            return
        manifest = self.reader.manifest(base.version)
        path = str(self.reader.directory(manifest.version))
        self.announce(announcement(manifest, "published", path, self.clock.now()))

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
        self.executor.shutdown()
        return done

    def _is_new(self) -> bool:
        offsets = self._trainer.offsets
        if offsets.log != self._captured_log:  # another log counts its offsets anew
            return offsets.examples > self._captured_examples
        return offsets.offset > self._captured_offset

    def _is_due(self) -> bool:
        schedule, examples = self.schedule, self._trainer.offsets.examples
        if self.lineage.base is None and examples < schedule.first_after:
            return False
        are_enough = examples - self._captured_examples >= schedule.every_examples
        return are_enough or self.clock.now() - self._captured_at >= schedule.every_s

    def _start(self) -> None:
        if promoted := self._trainer.promote():
            log.warning("From now on served as well: the new %s.", " and ".join(promoted))
            self.lineage.break_off()
            self.on_promotion(promoted)
        self._captured_at = self.clock.now()
        self._fall_back()
        offsets = self._trainer.offsets
        self._captured_offset, self._captured_examples = offsets.offset, offsets.examples
        self._captured_log = offsets.log
        version, parent = self.lineage.next_version(), self.lineage.parent(self.schedule.full_every)
        try:
            self._pending = self.builder.capture(
                version, parent, frozenset(self._probes), self._captured_at
            )
        except MemoryError as error:
            self._failed(error)
            return
        self._writing = self.executor.submit(self._write, self._pending)

    def _fall_back(self) -> None:
        """Send serving back from a snapshot that has turned bad."""
        judge, examples = self.builder.judge, self._trainer.offsets.examples
        if judge is None:
            return
        told = fall_back(judge, examples, self.writer, self.reader, self._captured_at)
        if told is not None:
            self.announce(told)
            self.on_fall_back()

    def _write(self, pending: PendingSnapshot) -> Published:
        """In the other thread."""
        start = time.perf_counter()
        path = self.writer.write(pending.manifest, pending.parts)
        size = sum(file.stat().st_size for file in path.iterdir())
        traces = self.reader.traces(pending.manifest.version)
        if pending.status == "published":
            self.writer.point_latest(pending.manifest.version)
        reason, now_s = "; ".join(pending.objections), self.clock.now()
        self.announce(announcement(pending.manifest, pending.status, str(path), now_s, reason))
        prune(self.writer, self.reader, self.schedule.kept)
        seconds = time.perf_counter() - start
        return Published(pending.manifest, pending.status, traces, size, pending.seconds, seconds)

    def _collect(self) -> Published | None:
        """Result of the writing; None if it failed."""
        pending, writing = self._pending, self._writing
        assert pending is not None and writing is not None
        self._pending, self._writing = None, None
        try:
            published = writing.result()
        except Exception as error:  # whatever it was, learning goes on, and the next one holds all
            self._failed(error)
            return None
        if pending.status == "published":
            self._build_on(pending, published.traces)
        else:
            log.warning(
                "Snapshot %d is held: %s", pending.manifest.version, "; ".join(pending.objections)
            )
        return published

    def _failed(self, error: Exception) -> None:
        """Count it, and let the next one be due even where nothing new comes."""
        known = isinstance(error, SnapshotError | OSError | MemoryError)
        log.error(
            "Snapshot not written, will try again within %g s: %s",
            self.schedule.every_s,
            error,
            exc_info=None if known else error,
        )
        self._captured_offset = -1
        self.on_failure()

    def _build_on(self, pending: PendingSnapshot, traces: Traces) -> None:
        """The next delta follows this snapshot."""
        self.lineage.built(pending.base, traces, is_full=pending.manifest.kind == "full")
        self._probes = [probe for probe in self._probes if probe not in pending.probes]
        for role, learner in self._trainer.learners.items():
            drop_tombstones(learner.tables, pending.base.steps[role])
        if self.builder.judge is not None:
            self.builder.judge.publish(pending.manifest, pending.parts)
        baseline = self._trainer.baseline
        if baseline is not None and baseline.version is None:
            self._freeze(baseline, pending.base.version)

    def _freeze(self, baseline: FrozenBaseline, version: int) -> None:
        """Fill the baseline from a snapshot; where it cannot be read, the next one is tried."""
        try:
            checkpoint.restore_ranker(baseline.ranker, self.reader, version)
        except SnapshotError as error:
            log.warning("The baseline is not frozen at snapshot %d: %s", version, error)
            return
        baseline.version = version
        log.info("The baseline is frozen at snapshot %d.", version)
