"""A trainer's state in a form in which two of them can be compared."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from millstream.settings import Settings
from millstream.snapshots import SnapshotReader
from millstream.snapshots.layout import Role, below
from models.weights import assign_weights
from online_trainer.challenge.challenger import (
    Challenger,
    ChallengingRanker,
    ChallengingRetriever,
)
from online_trainer.evaluation.drift import Drift
from online_trainer.evaluation.progressive import ProgressiveMetrics
from online_trainer.io.offsets import Offsets
from online_trainer.learners.learner import OnlineLearner
from online_trainer.learners.ranker import Ranker
from online_trainer.learners.retriever import Retriever
from online_trainer.snapshots.checkpoint import PROGRESS, Parts, parts
from online_trainer.snapshots.resume import resume
from online_trainer.trainer import Trainer
from online_trainer.wiring import Wiring


def comparable(trainer: Trainer) -> dict[str, np.ndarray]:
    """Every array of the state; rows in the order of their ids."""
    return {
        f"{part}: {name}": array
        for part, arrays in _ordered(parts(trainer, base=None)).items()
        for name, array in arrays.items()
    }


class Trainers:
    """Trainers that have learnt nothing. Building one takes seconds; so they are used again.

    Args:
        settings: of all of them.
        models: of all of them, in place of what the settings say.
    """

    def __init__(self, settings: Settings, models: Mapping[str, Any] | None = None) -> None:
        self._wiring = Wiring(settings, models or {})
        self._built: list[tuple[Trainer, Ranker, Retriever, Parts]] = []
        self._lent = 0

    def fresh(self) -> Trainer:
        """One more, until `take_back`."""
        if self._lent == len(self._built):
            built = self._wiring.trainer()
            self._built.append((built, built.ranker, built.retriever, parts(built, base=None)))
        trainer, ranker, retriever, beginning = self._built[self._lent]
        trainer.ranker, trainer.retriever = ranker, retriever
        self._lent += 1
        for role, learner in trainer.learners.items():
            _reset(role, learner, beginning)
        trainer.progress, trainer.offsets, trainer.baseline = ProgressiveMetrics(), Offsets(), None
        trainer.models, trainer.challengers = self._wiring.models(), []
        trainer.drift, trainer.recent, trainer.lists = Drift(), None, None
        return trainer

    def restored(self, snapshot_dir: Path) -> Trainer:
        """A fresh one, brought to the newest usable snapshot."""
        trainer = self.fresh()
        base = resume(trainer, SnapshotReader(snapshot_dir), self._wiring)
        assert base is not None, f"no usable snapshot in {snapshot_dir}"
        return trainer

    def take_back(self) -> None:
        """Every trainer may be lent again."""
        self._lent = 0


class Lender:
    """A `Builder` of trainers and challengers that are used again.

    Args:
        wiring: builds those that are not there yet.
    """

    def __init__(self, wiring: Wiring, pools: dict[str, Trainers] | None = None) -> None:
        self._wiring = wiring
        self._pools = {} if pools is None else pools
        self._challenging: Trainer | None = None

    @property
    def _own(self) -> Trainers:
        models = self._wiring.models()
        return self._pools.setdefault(str(models), Trainers(self._wiring.settings, models))

    def models(self) -> dict[str, Any]:
        return self._wiring.models()

    def of(self, models: Mapping[str, Any]) -> "Lender":
        return Lender(self._wiring.of(models), self._pools)

    def trainer(self, inputs: Any = None, *, frozen_baseline: bool = False) -> Trainer:
        return self._own.fresh()

    def networks(self, inputs: Any) -> Any:
        return self._wiring.networks(inputs)

    def challenger(self, role: Role, inputs: Any) -> Challenger[Any]:
        own, model = self._wiring.settings, self.models()[role]
        rest = own.challenger_rows, own.challenger_margin, own.batch_size
        trainer = self._challenging = self._challenging or self._own.fresh()
        if role == "ranker":
            return ChallengingRanker(trainer.ranker, model, *rest)
        return ChallengingRetriever(trainer.retriever, model, *rest)

    def take_back(self) -> None:
        """All may be lent again."""
        self._challenging = None
        for pool in self._pools.values():
            pool.take_back()


def _reset(role: str, learner: OnlineLearner, beginning: Parts) -> None:
    training = beginning[f"{role}.training"]
    learner.tables = learner.tables.emptied()
    assign_weights(learner.network, beginning[f"{role}.dense"])
    learner.dense.restore(below("dense", training))
    learner.restore_memory(below("memory", training))
    learner.step = 0


def differences(one: Trainer, other: Trainer) -> list[str]:
    """Names of what is not the same to the last bit."""
    return unlike(comparable(one), comparable(other))


def unlike(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> list[str]:
    """Names of what is not the same to the last bit in two states."""
    assert a.keys() == b.keys()
    return [name for name in a if not np.array_equal(a[name], b[name], equal_nan=True)]


def _ordered(found: Parts) -> Parts:
    for role in ("ranker", "retriever"):
        rows, training = found[f"{role}.tables"], found[f"{role}.training"]
        for name in [name for name in rows if name.endswith("/ids")]:
            table = name.removesuffix("/ids")
            order = np.argsort(rows[name])
            rows[name], rows[f"{table}/vectors"] = (
                rows[name][order],
                rows[f"{table}/vectors"][order],
            )
            for key in training:
                if key.startswith((f"tables/{table}/slot/", f"tables/{table}/last_used")):
                    training[key] = training[key][order]
            _order_rare(training, f"tables/{table}/rare")
    return {PROGRESS: found[PROGRESS], **found}


def _order_rare(training: dict[str, np.ndarray], prefix: str) -> None:
    order = np.argsort(training[f"{prefix}/ids"])
    for name in ("ids", "count", "last_used"):
        training[f"{prefix}/{name}"] = training[f"{prefix}/{name}"][order]
