"""A trainer's state in a form in which two of them can be compared."""

from pathlib import Path

import numpy as np

from millstream.settings import Settings
from millstream.snapshots import SnapshotReader
from millstream.snapshots.layout import below
from models.weights import assign_weights
from online_trainer.evaluation.drift import Drift
from online_trainer.evaluation.progressive import ProgressiveMetrics
from online_trainer.io.offsets import Offsets
from online_trainer.learners.learner import OnlineLearner
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
    """

    def __init__(self, settings: Settings) -> None:
        self._wiring = Wiring(settings)
        self._built: list[tuple[Trainer, Parts]] = []
        self._lent = 0

    def fresh(self) -> Trainer:
        """One more, until `take_back`."""
        if self._lent == len(self._built):
            built = self._wiring.trainer()
            self._built.append((built, parts(built, base=None)))
        trainer, beginning = self._built[self._lent]
        self._lent += 1
        for role, learner in trainer.learners.items():
            _reset(role, learner, beginning)
        trainer.progress, trainer.offsets, trainer.baseline = ProgressiveMetrics(), Offsets(), None
        trainer.drift = Drift()
        return trainer

    def restored(self, snapshot_dir: Path) -> Trainer:
        """A fresh one, brought to the newest usable snapshot."""
        trainer = self.fresh()
        base = resume(trainer, SnapshotReader(snapshot_dir), self._wiring.models(), self._wiring)
        assert base is not None, f"no usable snapshot in {snapshot_dir}"
        return trainer

    def take_back(self) -> None:
        """Every trainer may be lent again."""
        self._lent = 0


def _reset(role: str, learner: OnlineLearner, beginning: Parts) -> None:
    training = beginning[f"{role}.training"]
    learner.tables = learner.tables.emptied()
    assign_weights(learner.network, beginning[f"{role}.dense"])
    learner.dense.restore(below("dense", training))
    learner.restore_memory(below("memory", training))
    learner.step = 0


def differences(one: Trainer, other: Trainer) -> list[str]:
    """Names of what is not the same to the last bit."""
    a, b = comparable(one), comparable(other)
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
