"""A learner of another model, warmed up beside the one that is served in the same role.

First it learns from the examples that the log still has, at a position of its own; once it has come
to where the trainer is, it learns from the same batches as the one that is served, after both have
been asked. It takes over when it has caught up: by no measure, at the far end of the interval, is
it worse than the margin allows.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa

from millstream.batches import metadata_of
from millstream.erasures import erased_of
from millstream.ids import id64_array
from millstream.snapshots.layout import Role
from models.metrics import Scored
from online_trainer.evaluation.paired import (
    MEASURES,
    Badness,
    Interval,
    Measure,
    Pair,
    PairedWindow,
)
from online_trainer.io.examples import ExampleBatch, decode, task_places, usable
from online_trainer.io.offsets import Offsets
from online_trainer.learners.batch import Batch
from online_trainer.learners.learner import OnlineLearner
from online_trainer.learners.ranker import Learnt, Ranker
from online_trainer.learners.retriever import Retrieved, Retriever

log = logging.getLogger(__name__)

L = TypeVar("L", bound=OnlineLearner)


class Challenger(ABC, Generic[L]):
    """One learner that challenges the one of its role.

    Args:
        learner: fresh, or with what it has learnt up to `offsets`.
        model: its configuration, as a manifest names it.
        rows: of the first task (of a retriever: positives) on which it is compared.
        margin: by how much it may be worse, for sure, when it takes over.
        batch_size: most rows of a step.

    Attributes:
        role: that it is to take over.
        window: of the comparison.
        offsets: up to where it has learnt; while it is live, the trainer's.
        is_live: whether it learns from the batches of the trainer.
    """

    role: Role

    def __init__(
        self,
        learner: L,
        model: Mapping[str, Any],
        rows: int,
        margin: float,
        batch_size: int,
    ) -> None:
        self.learner, self.model = learner, dict(model)
        self.window = PairedWindow(self.badness, rows)
        self.offsets = Offsets()
        self.is_live = False
        self._margin, self._batch_size = margin, batch_size

    @property
    @abstractmethod
    def badness(self) -> Mapping[str, Badness]:
        """Of sums, by measure."""

    @abstractmethod
    def learn(self, batch: Batch) -> Any:
        """One step; what came of it."""

    @abstractmethod
    def beside(self, batch: Batch, ranked: Learnt, retrieved: Retrieved | None) -> None:
        """One step on a batch of the trainer, and the comparison with what came of its steps."""

    @property
    def has_caught_up(self) -> bool:
        """True if it may take over."""
        found = self.window.worse_by()
        return self.is_live and bool(found) and all(self._is_fine(each) for each in found.values())

    def _is_fine(self, worse: Interval) -> bool:
        return worse.high <= self._margin

    def standing(self) -> dict[str, Any]:
        """How far it has come, for manifests: position, share of the window, intervals."""
        worse = self.window.worse_by()
        return {
            "model": self.model,
            "is_live": self.is_live,
            "offsets": asdict(self.offsets),
            "compared": self.window.progress,
            "worse_by": {name: list(interval) for name, interval in worse.items()},
        }

    def catch_up(self, message: bytes, offset: int) -> None:
        """Learn from a message at `offset` that the trainer has learnt from before."""
        table = None
        try:
            table = decode(message).table
            table = table.filter(pa.array(usable(table)))
            self._learn_all(table)
            if erased := erased_of(metadata_of(table))[0]:
                self.erase(np.unique(id64_array(erased)))
        except Exception as error:  # what it was about was said when the trainer met it
            log.debug("Message %d of the input is passed over again: %s", offset, error)
        self.offsets.advance(offset, table)

    def _learn_all(self, table: pa.Table) -> None:
        wanted = self.offsets.unseen(table) & ~table["is_probe"].to_numpy()
        wanted &= task_places(table) >= 0
        for part in ExampleBatch.of(table.filter(pa.array(wanted))).slices(self._batch_size):
            sound = np.flatnonzero(part.batch.sound())
            if len(sound):
                self.learn(part.batch.take(sound))

    def join(self, offsets: Offsets) -> None:
        """Learn from the trainer's batches from now on."""
        self.offsets, self.is_live = offsets, True

    def erase(self, users: np.ndarray) -> None:
        """Forget the rows of people; (users,) int64 ids."""
        self.learner.tables.erase("user_id", users, self.learner.step)


class ChallengingRanker(Challenger[Ranker]):
    """A ranker: compared by the same rows of the first task.

    By AUC and log loss, or by the root mean squared error of a number.
    """

    role: Role = "ranker"

    @property
    def badness(self) -> Mapping[str, Badness]:
        return {name: measure.badness for name, measure in self._measures.items()}

    @property
    def _measures(self) -> Mapping[str, Measure]:
        return MEASURES[self.learner.tasks[0].kind]

    def learn(self, batch: Batch) -> Learnt:
        """One step."""
        return self.learner.learn(batch)

    def beside(self, batch: Batch, ranked: Learnt, retrieved: Retrieved | None) -> None:
        """One step; both have scored the batch before they learnt from it."""
        own = self.learn(batch)
        if not own.is_finite:
            return
        rows = np.flatnonzero(batch.tasks == 0)
        labels, weights = batch.labels[rows], batch.weights[rows]
        numbers = self.learner.tasks[0].kind == "regression"
        ours, theirs = (
            Scored(labels, each.scores[rows], weights, are_numbers=numbers)
            for each in (own, ranked)
        )
        terms: dict[str, Pair] = {
            name: (measure.terms(ours), measure.terms(theirs))
            for name, measure in self._measures.items()
        }
        self.window.update(terms, len(rows))


class ChallengingRetriever(Challenger[Retriever]):
    """A retriever: compared by the hit rate of the same positives, each among its own draws."""

    role: Role = "retriever"

    @property
    def badness(self) -> Mapping[str, Badness]:
        return {"hit_rate": lambda sums: -float(sums[0] / sums[1])}

    def learn(self, batch: Batch) -> Retrieved | None:
        """One step."""
        return self.learner.learn(batch)

    def beside(self, batch: Batch, ranked: Learnt, retrieved: Retrieved | None) -> None:
        """One step."""
        own = self.learn(batch)
        if own is None or retrieved is None or not (own.is_finite and retrieved.is_finite):
            return
        ours, theirs = (
            np.array([each.hit_rate * each.positives, each.positives]) for each in (own, retrieved)
        )
        self.window.update({"hit_rate": (ours, theirs)}, own.positives)
