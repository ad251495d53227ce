"""The judge: what is learnt beside what is served, and beside what was served before, on the same
newest examples.

What is learnt has its progressive scores; what was published is frozen, and scores the rows that
came after it. So none of them has seen a row that it is judged by. Rows decide, not the clock: a
replay judges alike.
"""

import logging
import math
from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from millstream.errors import SnapshotError
from millstream.snapshots import Manifest, SnapshotReader
from models.task_names import tasks_in
from online_trainer.evaluation.by_task import ERROR, LEAST_ROWS, TaskRows, by_task
from online_trainer.evaluation.paired import Interval
from online_trainer.evaluation.recent import RecentRows, ScoredRows
from online_trainer.learners.batch import Batch
from online_trainer.snapshots.checkpoint import Parts
from online_trainer.snapshots.frozen import ranker_parts

log = logging.getLogger(__name__)


class Frozen(Protocol):
    """Published models, frozen (`frozen.FrozenRankers`)."""

    def scores(self, manifest: Manifest, batch: Batch) -> np.ndarray:
        """(rows,) scores by a snapshot."""
        ...

    def follow(self, manifest: Manifest, parts: Parts) -> None:
        """Take on a snapshot from memory."""
        ...


class FallBack(NamedTuple):
    """The way back from a served snapshot that has turned bad.

    Args:
        to: the version that is better, as it was when it was published.
        reason: to be told.
    """

    to: Manifest
    reason: str


class _Waiting(NamedTuple):
    """A published snapshot that too few rows have come after.

    Args:
        parts: of its ranker.
        errors: progressive ones on the newest rows when it was published, by task.
    """

    manifest: Manifest
    parts: Parts
    errors: dict[str, float]


class Judge:
    """Compares the trainer with what it has published.

    Args:
        recent: the trainer's newest rows.
        reader: of the snapshots.
        frozen: scores by what was published.
        limits: by how much something may be worse for sure, by measure of `by_task.MEASURES`.
        after_examples: nothing is judged before.
        rows: that must have come before a way back is looked for again.

    Attributes:
        served: the snapshot that is served unless an operator has chosen another one.
        compared_with: the newest one that was served and that enough rows have come after.
    """

    def __init__(
        self,
        recent: RecentRows,
        reader: SnapshotReader,
        frozen: Frozen,
        limits: Mapping[str, float],
        after_examples: int,
        rows: int,
    ) -> None:
        self.served: Manifest | None = None
        self.compared_with: Manifest | None = None
        self._recent, self._reader, self._frozen = recent, reader, frozen
        self._limits, self._after_examples, self._rows = dict(limits), after_examples, rows
        self._looked_at = 0  # examples at the last look for a way back
        self._expected: dict[str, float] = {}  # errors of what is compared with, by task
        self._waiting: deque[_Waiting] = deque()  # published since that one, oldest first

    def resume(self) -> None:
        """Find out what is served after a restart."""
        latest = self._reader.latest()
        if latest is None:
            return
        try:
            self.served = self.compared_with = self._reader.manifest(latest)
        except SnapshotError as error:
            log.warning("Nothing is compared with snapshot %d: %s", latest, error)
            return
        self._expected = _progressive_errors(self.served)

    def publish(self, manifest: Manifest, parts: Parts) -> None:
        """`manifest` is served from now on."""
        self.served = manifest
        rows = self._recent.after(0)
        errors = {} if rows is None else self._errors(manifest, rows)
        self._waiting.append(_Waiting(manifest, ranker_parts(parts), errors))

    def objections(self, examples: int) -> list[str]:
        """Why what is learnt must not be served in place of what is; empty where it may."""
        rows, served = self._rows_to_judge(examples), self.compared_with
        if rows is None or served is None:
            return []
        try:
            theirs = self._frozen.scores(served, rows.batch)
        except SnapshotError as error:
            log.warning("Snapshot %d is not compared with: %s", served.version, error)
            return []
        worse = self._worse(served, rows.batch, rows.scores, theirs)
        return [
            f"{name} is worse than that of {served.version}, which is served, by {interval} "
            f"on the newest {len(rows.batch):,} examples"
            for name, interval in worse.items()
        ]

    def fall_back(self, examples: int) -> FallBack | None:
        """The way back, where what is served has turned bad and what is learnt is no better."""
        rows, served = self._rows_to_judge(examples), self.compared_with
        if rows is None or served is None or examples - self._looked_at < self._rows:
            return None
        batch = rows.batch
        try:
            theirs = self._frozen.scores(served, batch)
            if not self._has_turned_bad(served, batch, theirs):
                return None
            self._looked_at = examples
            for older in self._before(served):
                scores = self._frozen.scores(older, batch)
                if worse := self._worse(older, batch, theirs, scores):
                    found = FallBack(older, _reason(older, worse, len(batch)))
                    return found if self._worse(older, batch, rows.scores, scores) else None
        except SnapshotError as error:
            log.warning("No way back is looked for: %s", error)
        return None

    def went_back(self, to: Manifest) -> None:
        """An earlier snapshot is served from now on."""
        self.served = self.compared_with = to
        self._expected = _progressive_errors(to)
        self._waiting.clear()

    def _rows_to_judge(self, examples: int) -> ScoredRows | None:
        """The newest rows that came after what is compared with; None where they are too few."""
        while self._waiting and self._waiting[0].manifest.examples + LEAST_ROWS <= examples:
            manifest, parts, self._expected = self._waiting.popleft()
            self._frozen.follow(manifest, parts)
            self.compared_with = manifest
        if self.compared_with is None or examples < self._after_examples:
            return None
        return self._recent.after(self.compared_with.examples)

    def _has_turned_bad(self, served: Manifest, batch: Batch, scores: np.ndarray) -> bool:
        """Return whether an error is above what it was, progressively, when it was published."""
        return any(
            rows.risen(scores, self._expected[rows.name]).low > self._limits[ERROR[rows.kind]]
            for rows in _by_task(served, batch)
            if rows.name in self._expected
        )

    def _errors(self, manifest: Manifest, rows: ScoredRows) -> dict[str, float]:
        return {own.name: own.error(rows.scores) for own in _by_task(manifest, rows.batch)}

    def _worse(
        self, manifest: Manifest, batch: Batch, ours: np.ndarray, theirs: np.ndarray
    ) -> dict[str, Interval]:
        """The measures by which ours is worse than theirs by more than the limits, for sure."""
        parts = _by_task(manifest, batch)
        return {
            f"{rows.name}'s {name}": interval
            for rows in parts
            for name, interval in rows.worse_by(ours, theirs).items()
            if interval.low > self._limits[name]
        }

    def _before(self, served: Manifest) -> Iterator[Manifest]:
        """Published ones before it, newest first, in growing steps: each has to be read whole."""
        good, step = 0, 1
        for version in reversed(self._reader.versions()):
            if version >= served.version:
                continue
            manifest = self._reader.manifest(version)
            if manifest.is_held or "ranker" not in manifest.models:
                continue
            good += 1
            if good == step:
                step *= 2
                yield manifest


def _by_task(manifest: Manifest, batch: Batch) -> list[TaskRows]:
    return by_task(batch, tasks_in(manifest.models["ranker"]))


def _progressive_errors(manifest: Manifest) -> dict[str, float]:
    """Errors by task over the progressive window, as a manifest has them."""
    found = {}
    for place, task in enumerate(tasks_in(manifest.models.get("ranker", {}))):
        name = ERROR[task.kind]
        value = manifest.metrics.get(name if place == 0 else f"{task.name}.{name}")
        if value is not None:
            found[task.name] = math.log(max(value, 1e-12)) if name == "rmse" else value
    return found


def _reason(to: Manifest, worse: Mapping[str, Interval], rows: int) -> str:
    found = ", ".join(f"{name} by {interval}" for name, interval in worse.items())
    return f"worse than {to.version} on the newest {rows:,} examples: {found}"
