"""The core of the trainer: a message in, weights moved. No broker, no disk, no clock."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millstream.batches import metadata_of
from millstream.erasures import erased_of
from millstream.errors import InvalidEvent
from millstream.ids import id64_array
from millstream.snapshots.layout import Role
from millstream.snapshots.signature import Signatures
from online_trainer.challenge.challenger import Challenger
from online_trainer.evaluation.baseline import FrozenBaseline
from online_trainer.evaluation.drift import Drift
from online_trainer.evaluation.lists import ProgressiveLists
from online_trainer.evaluation.progressive import ProgressiveMetrics, Rows
from online_trainer.evaluation.recent import RecentRows
from online_trainer.io.examples import (
    ExampleBatch,
    decode,
    propensity_weights,
    task_places,
    usable,
)
from online_trainer.io.offsets import Offsets
from online_trainer.learners.batch import Batch
from online_trainer.learners.learner import OnlineLearner
from online_trainer.learners.ranker import Learnt, Ranker
from online_trainer.learners.retriever import Retrieved, Retriever

log = logging.getLogger(__name__)

_MOST_ID = 256  # characters of a probe's id: manifests name them


@dataclass(frozen=True)
class Probe:
    """A probe event that has come past."""

    event_id: str
    event_time: float


@dataclass
class Consumed:
    """Result of one message.

    Args:
        refused: why the message, or a part of it, was not learnt from; None if all was well.
        learnt: examples that were learnt from.
        repeated: rows that had been seen before.
        unknown: columns that no feature has: they were ignored.
        missing: features without a column: their defaults were learnt from.
        other_tasks: rows of a task that the domain does not declare.
        unsound: rows with a number that is not finite or out of range, or of a refused step.
        published_at: (learnt,) of the examples, Unix seconds.
        probes: that were in it.
        ranked, retrieved: what came of each step.
        shown: new rows of shown items, with the features that were logged; None for none.
    """

    refused: str | None = None
    learnt: int = 0
    repeated: int = 0
    unsound: int = 0
    other_tasks: int = 0
    unknown: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    published_at: np.ndarray = field(default_factory=lambda: np.zeros(0))
    probes: list[Probe] = field(default_factory=list)
    ranked: list[Learnt] = field(default_factory=list)
    retrieved: list[Retrieved] = field(default_factory=list)
    shown: pa.Table | None = None


class Trainer:
    """Tests, then trains, both learners on every message.

    Steps are bounded by messages, and by `batch_size` within one; random draws are seeded by the
    number of the step. So the same messages give the same weights, whatever happened between.

    Args:
        ranker, retriever: the learners.
        progress: of the ranker's first task, which ranks lists.
        baseline: the ranker as it was once, to compare with; None for no comparison.
        batch_size: most rows of a step.
        inputs: of the learners' networks, in their order.
        further: progress of the other tasks, by name, in their order.
        drift_rows: rows of the first task that are compared with those before them.
        models: configuration of each learner, by role, as a manifest names it.
        propensity_limit: most weight that a shown item has for having been shown by chance; None
            weighs none.
        lists: quality of whole lists; None asks for none.

    Attributes:
        drift: of the first task's inputs, labels and scores.
        challengers: learners that are to take over a role.
        recent: the newest rows and their scores, to be judged by; None keeps none.
        erased_through: erasures of people up to then are done, Unix seconds by the stream's clock.
    """

    def __init__(
        self,
        ranker: Ranker,
        retriever: Retriever,
        progress: ProgressiveMetrics,
        baseline: FrozenBaseline | None,
        batch_size: int,
        inputs: Signatures = (),
        further: Mapping[str, ProgressiveMetrics] | None = None,
        drift_rows: int = 20_000,
        models: Mapping[str, Any] | None = None,
        propensity_limit: float | None = None,
        lists: ProgressiveLists | None = None,
    ) -> None:
        self.ranker, self.retriever, self.inputs = ranker, retriever, tuple(inputs)
        self.models = dict(models or {})
        self.progress, self.baseline = progress, baseline
        self.further = dict(further or {})
        self.drift, self.lists = Drift(drift_rows), lists
        self.challengers: list[Challenger[Any]] = []
        self.recent: RecentRows | None = None
        self.offsets = Offsets()
        self.erased_through = 0.0
        self._batch_size, self._propensity_limit = batch_size, propensity_limit

    @property
    def learners(self) -> Mapping[Role, OnlineLearner]:
        """By role."""
        return {"ranker": self.ranker, "retriever": self.retriever}

    @property
    def progress_by_task(self) -> dict[str, ProgressiveMetrics]:
        """Progress of every task by name, the first task's first."""
        return {self.ranker.tasks[0].name: self.progress, **self.further}

    def adopt(self, other: "Trainer") -> None:
        """Go on with the learners of another trainer, and with what it has learnt."""
        self.ranker, self.retriever, self.inputs = other.ranker, other.retriever, other.inputs
        self.models = other.models
        self.progress, self.baseline, self.offsets = other.progress, other.baseline, other.offsets
        self.further, self.drift, self.lists = other.further, other.drift, other.lists

    def promote(self) -> list[Role]:
        """Let challengers that have caught up take over; returns their roles."""
        promoted = [each for each in self.challengers if each.has_caught_up]
        for challenger in promoted:
            self.challengers.remove(challenger)
            setattr(self, challenger.role, challenger.learner)
            self.models[challenger.role] = challenger.model
        return [challenger.role for challenger in promoted]

    def consume(self, message: bytes, offset: int) -> Consumed:
        """Learn from the message at `offset` of the topic; what cannot be read is passed over.

        Nothing that a message may hold raises: what was not learnt from is in `refused`.
        """
        consumed, table = Consumed(), None
        try:
            decoded = decode(message)
            consumed.unknown, consumed.missing = decoded.differences
            table = self._usable(decoded.table, consumed)
            self._learn_from(table, consumed)
            self._erase(*erased_of(metadata_of(table)))
        except InvalidEvent as error:
            consumed.refused = str(error)
        except Exception as error:  # the same message would end every trainer after this one
            log.exception("Message %d of the input could not be learnt from.", offset)
            consumed.refused = f"{type(error).__name__}: {error}"
        self.offsets.advance(offset, table)
        return consumed

    def _erase(self, user_ids: list[str], erased_at: float) -> None:
        """Forget the rows of people, here and in all snapshots to come."""
        if not user_ids:
            return
        ids = np.unique(id64_array(user_ids))
        for learner in self.learners.values():
            learner.tables.erase("user_id", ids, learner.step)
        if self.baseline is not None:
            self.baseline.ranker.tables.erase("user_id", ids, self.baseline.ranker.step)
        for challenger in self.challengers:
            challenger.erase(ids)
        self.erased_through = max(self.erased_through, erased_at)

    def _usable(self, table: pa.Table, consumed: Consumed) -> pa.Table:
        is_usable = usable(table)
        if is_usable.all():
            return table
        consumed.unsound += int((~is_usable).sum())
        consumed.refused = "Expected a source, a time and a probe's flag in each row."
        return table.filter(pa.array(is_usable))

    def _learn_from(self, table: pa.Table, consumed: Consumed) -> None:
        unseen = self.offsets.unseen(table)
        is_probe = table["is_probe"].to_numpy()
        consumed.repeated = int((~unseen).sum())
        consumed.probes = _probes(table, unseen & is_probe)
        is_ours = task_places(table) >= 0
        consumed.other_tasks = int((unseen & ~is_ours).sum())
        new = table.filter(pa.array(unseen & ~is_probe & is_ours))
        examples = ExampleBatch.of(new)
        if (is_shown := examples.origin == "impression").any():
            consumed.shown = new.filter(pa.array(is_shown))
        if self._propensity_limit is not None:
            examples = examples.weighted(propensity_weights(new, self._propensity_limit))
        for part in examples.slices(self._batch_size):
            self._learn(part, consumed)

    def _learn(self, examples: ExampleBatch, consumed: Consumed) -> None:
        sound = examples.batch.sound()
        if not sound.all():
            consumed.unsound += int((~sound).sum())
            consumed.refused = "Expected finite numbers, labels and weights in their range."
            examples = examples.take(np.flatnonzero(sound))
        if not len(examples):
            return
        batch = examples.batch
        users = batch.inputs["user_id"]
        known = self.ranker.tables.knows("user_id", users)
        if self.lists is not None:
            self.lists.ask(examples, self.offsets.examples, self.ranker, self.retriever)
        learnt = self.ranker.learn(batch)
        consumed.ranked.append(learnt)
        if not learnt.is_finite:
            self._learn_the_rest(examples, learnt, consumed)
            return
        self._judge(learnt.scores, batch, Rows(users, examples.origin, known))
        if (retrieved := self.retriever.learn(batch)) is not None:
            consumed.retrieved.append(retrieved)
            if retrieved.is_finite:
                self.progress.retrieved(retrieved.hit_rate, retrieved.positives)
        for challenger in self.challengers:
            if challenger.is_live:
                challenger.beside(batch, learnt, retrieved)
        self._count(examples, consumed)
        if self.lists is not None:
            self.lists.update(examples)
        if self.recent is not None:
            self.recent.add(batch, learnt.scores, self.offsets.examples)

    def _judge(self, scores: np.ndarray, batch: Batch, rows: Rows) -> None:
        """Count scores of a batch, task by task; the first is compared with the baseline."""
        for place, progress in enumerate(self.progress_by_task.values()):
            own = np.flatnonzero(batch.tasks == place)
            if not len(own):
                continue
            part = batch if len(own) == len(batch) else batch.take(own)
            progress.update(scores[own], part.labels, part.weights, rows.take(own))
            if place > 0:
                continue
            self.drift.update(part.inputs, scores[own], part.labels)
            if self.baseline is not None:
                self.baseline.compare(part, scores[own])

    def _learn_the_rest(self, examples: ExampleBatch, learnt: Learnt, consumed: Consumed) -> None:
        """After a step that was refused: the same without the rows that may be to blame."""
        consumed.refused = f"Expected a finite loss. Received: {learnt.loss}."
        extreme = examples.batch.extreme()
        refused = extreme if extreme.any() else np.ones(len(examples), bool)
        consumed.unsound += int(refused.sum())
        self._learn(examples.take(np.flatnonzero(~refused)), consumed)

    def _count(self, examples: ExampleBatch, consumed: Consumed) -> None:
        offsets = self.offsets
        offsets.examples += len(examples)
        offsets.event_time = max(offsets.event_time, float(examples.event_time.max()))
        consumed.learnt += len(examples)
        consumed.published_at = np.append(consumed.published_at, examples.published_at)


def _probes(table: pa.Table, places: np.ndarray) -> list[Probe]:
    """Each probe event once."""
    own = table.select(["event_id", "event_time"]).filter(pa.array(places))
    own = own.filter(pc.less_equal(pc.utf8_length(own["event_id"].cast(pa.string())), _MOST_ID))
    return list({row["event_id"]: Probe(**row) for row in own.to_pylist()}.values())
