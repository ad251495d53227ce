"""Capture a snapshot: copy the trainer's state and build its manifest."""

import time
from dataclasses import dataclass
from typing import Any

from features.spec import spec_hash
from millstream import __version__
from millstream.snapshots import Manifest
from millstream.snapshots.announcement import Status
from online_trainer.snapshots import checkpoint
from online_trainer.snapshots.checkpoint import Base, Parts
from online_trainer.snapshots.gate import Gate
from online_trainer.snapshots.judge import Judge
from online_trainer.trainer import Probe, Trainer


@dataclass(frozen=True)
class PendingSnapshot:
    """A snapshot that was captured and is not written yet.

    Args:
        objections: of the gate.
        base: what a delta that follows this snapshot builds on.
        probes: events that it has learnt past, told to whoever measures freshness.
        seconds: that the training stood still.
    """

    manifest: Manifest
    parts: Parts
    objections: list[str]
    base: Base
    probes: frozenset[Probe]
    seconds: float

    @property
    def status(self) -> Status:
        """True if it is to be served."""
        return "held" if self.objections else "published"


@dataclass(frozen=True)
class SnapshotBuilder:
    """Captures snapshots of one trainer.

    Args:
        trainer: whose state is copied.
        gate: says what speaks against serving it.
        topic: name of the trainer's input.
        judge: says what speaks for what is served instead; None where nothing is compared.
    """

    trainer: Trainer
    gate: Gate
    topic: str
    judge: Judge | None = None

    def capture(
        self, version: int, parent: Base | None, probes: frozenset[Probe], now_s: float
    ) -> PendingSnapshot:
        """A delta on `parent`, or, without one, a full snapshot."""
        start = time.perf_counter()
        trainer = self.trainer
        parts = checkpoint.parts(trainer, parent)
        examples = trainer.offsets.examples
        behind = None if trainer.lists is None else trainer.lists.behind_counter()
        objections = self.gate.objections(parts, trainer.progress_by_task, examples, behind)
        if self.judge is not None:
            objections += self.judge.objections(examples)
        extra = self._extra(objections, probes)
        manifest = self._manifest(version, parent, now_s, extra)
        base = Base(version, checkpoint.steps(trainer))
        return PendingSnapshot(
            manifest, parts, objections, base, probes, time.perf_counter() - start
        )

    def _manifest(
        self, version: int, parent: Base | None, now_s: float, extra: dict[str, Any]
    ) -> Manifest:
        offsets = self.trainer.offsets
        return Manifest(
            version=version,
            kind="full" if parent is None else "delta",
            parent=None if parent is None else parent.version,
            created_at=now_s,
            trained_through_event_time=offsets.event_time,
            examples=offsets.examples,
            offsets={f"{self.topic}-0": offsets.offset},
            log=offsets.log,
            source_marks=dict(offsets.marks),
            spec_hash=spec_hash(),
            inputs=self.trainer.inputs,
            code_version=__version__,
            models=dict(self.trainer.models),
            metrics=_window_metrics(self.trainer),
            extra=extra,
        )

    def _extra(self, objections: list[str], probes: frozenset[Probe]) -> dict[str, Any]:
        baseline = self.trainer.baseline
        return {
            "status": "held" if objections else "published",
            "erased_through": self.trainer.erased_through,
            "reason": "; ".join(objections),
            "probes": sorted([probe.event_id, probe.event_time] for probe in probes),
            "baseline_version": None if baseline is None else baseline.version,
            "challengers": {each.role: each.standing() for each in self.trainer.challengers},
        }


def _window_metrics(trainer: Trainer) -> dict[str, float]:
    """The window's quality of all rows; what is not defined yet is left out.

    Metrics of the first task have their plain names, those of others `task.name`.
    """
    values = {
        name if progress is trainer.progress else f"{task}.{name}": value
        for task, progress in trainer.progress_by_task.items()
        for (segment, span, name), value in progress.values().items()
        if (segment, span) == ("all", "window")
    }
    if trainer.lists is not None:
        values |= {f"{name}.{stage}": v for (name, stage), v in trainer.lists.values().items()}
    return {name: value for name, value in values.items() if value == value}
