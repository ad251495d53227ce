"""Training a next-item model in epochs, which a crash does not undo."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from millstream.errors import DatasetError
from models.evaluation.lists.figures import Figures
from models.evaluation.lists.full_corpus import Scorer, full_corpus
from models.evaluation.lists.questions import Questions
from models.sequences.batches import HISTORY, MASKED, TARGET, Hidden, SequenceBatches, prefix, timed
from models.sequences.losses import sequence_loss
from models.sequences.network import NextItemNetwork, built, scores_of
from models.sequences.run import SequenceRun

VALIDATED_BY = "ndcg@10"
FILE = "epoch.npz"


@dataclass
class Progress:
    """Where a run stands.

    Args:
        epoch: epochs done.
        best: the best validation figure.
        best_epoch: that had it.
        seconds: of training, validation not counted.
        entries: learnt from.
    """

    epoch: int = 0
    best: float = -1.0
    best_epoch: int = 0
    seconds: float = 0.0
    entries: int = 0


class SequenceLearner:
    """Trains the model of a run.

    Args:
        folder: of the newest epoch; None keeps it in memory alone.
        eager: steps without compilation, for a few small ones.
    """

    def __init__(
        self, run: SequenceRun, folder: Path | None = None, *, eager: bool = False
    ) -> None:
        keras.backend.clear_session()
        keras.utils.set_random_seed(run.seed)
        self.run, self.log, self.training, self.folder = run, run.log, run.training, folder
        own, log = run.training, run.log
        self.model = built(
            run.entry,
            log.items,
            own.width,
            own.length,
            run.options,
            has_times=log.times is not None,
        )
        loss = sequence_loss(run.loss, own.negatives, log.items, own.calibration)
        self.network = NextItemNetwork(self.model, loss, log.items)
        self.network.compile(
            keras.optimizers.Adam(own.learning_rate),
            run_eagerly=eager,
            # XLA gains nothing on TensorFlow; on JAX nothing is compiled without it.
            jit_compile=not eager and keras.backend.backend() != "tensorflow",
        )
        self.batches = SequenceBatches(
            log.protocol.train,
            log.times,
            log.items,
            own.length,
            loss.negatives,
            loss.is_shared,
            Hidden(own.hidden_share, own.newest_share, own.shown_share)
            if MASKED in self.network.sequence.input
            else None,
            own.batch_size,
        )
        self.progress = Progress()
        if run.begin is not None:
            self._begin(run.begin)
        self._best = [w.copy() for w in self.model.model.get_weights()]

    def fit(self, report: Callable[[Progress], None] = lambda progress: None) -> Progress:
        """Train until validation gains no more, and keep the best weights.

        A run that was cut short goes on after its newest epoch, to the same weights.
        """
        self._resume()
        own = self.training
        while self.progress.epoch < own.epochs and not self._is_over():
            self._learn_epoch()
            if self.progress.epoch % own.validate_every == 0:
                self._validate()
            self._save()
            report(self.progress)
        self.model.model.set_weights(self._best)
        return self.progress

    def scorer(self, questions: Questions) -> Scorer:
        """The scores of these questions, by their numbers."""
        return lambda which: scores_of(self.model, self._inputs(questions, which), questions.items)

    def figures(self, questions: Questions) -> Figures:
        """The figures of the model's lists over the whole corpus."""
        protocol, block = self.log.protocol.name, self.training.batch_size
        return full_corpus(self.scorer(questions), questions, protocol=protocol, block=block)

    def _inputs(self, questions: Questions, which: np.ndarray) -> dict[str, np.ndarray]:
        histories, length = questions.history.take(which), self.training.length
        inputs = {HISTORY: histories.padded(length)[:, ::-1]}
        if self.log.times is not None:
            times = self.log.times.take(questions.users[which])
            inputs |= timed(prefix(times, histories.sizes + 1), length + 1, 1)
        return inputs

    def _is_over(self) -> bool:
        return self.progress.epoch - self.progress.best_epoch >= self.training.patience

    def _learn_epoch(self) -> None:
        rng = np.random.default_rng((self.run.seed, self.progress.epoch))
        for batch in self.batches.epoch(rng):
            began = time.perf_counter()
            self.network.train_on_batch(batch)
            self.progress.seconds += time.perf_counter() - began
            self.progress.entries += int(np.count_nonzero(batch[TARGET]))
        self.progress.epoch += 1

    def _validate(self) -> None:
        valid = self.log.protocol.valid
        if valid is None:
            return
        reached = self.figures(valid).values[VALIDATED_BY]
        if reached > self.progress.best:
            self.progress.best, self.progress.best_epoch = reached, self.progress.epoch
            self._best = [w.copy() for w in self.model.model.get_weights()]

    def _variables(self) -> list[Any]:
        return [*self.network.variables, *self.network.optimizer.variables]

    def _save(self) -> None:
        """Replace the folder's file by one of this epoch, all or nothing."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        state = json.dumps({"key": self.run.key, "progress": asdict(self.progress)})
        arrays = {f"v{n:04d}": ops.convert_to_numpy(v) for n, v in enumerate(self._variables())}
        best = {f"b{n:04d}": array for n, array in enumerate(self._best)}
        new = self.folder / f"{FILE}.new"
        with new.open("wb") as file:
            np.savez(file, state=np.array(state), **arrays, **best)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.folder / FILE)

    def _begin(self, path: Path) -> None:
        """Take the best weights of another run; what it made of the model must be the same."""
        with np.load(path) as held:
            key = json.loads(str(held["state"]))["key"]
            for name in ("model", "options", "digest"):
                if key[name] != json.loads(json.dumps(self.run.key[name])):
                    raise DatasetError(
                        f"{path} must be of the same {name}, {self.run.key[name]!r}. "
                        f"Received: {key[name]!r}."
                    )
            names = sorted(name for name in held.files if name.startswith("b"))
            self.model.model.set_weights([held[name] for name in names])

    def _resume(self) -> None:
        if self.folder is None or not (self.folder / FILE).exists():
            return
        with np.load(self.folder / FILE) as held:
            state = json.loads(str(held["state"]))
            if state["key"] != json.loads(json.dumps(self.run.key)):
                raise DatasetError(
                    f"{self.folder} must be of this run, or empty. Received: {state['key']}."
                )
            self.network.optimizer.build(self.network.trainable_variables)
            for n, variable in enumerate(self._variables()):
                variable.assign(held[f"v{n:04d}"])
            self._best = [held[f"b{n:04d}"] for n in range(len(self._best))]
        self.progress = Progress(**state["progress"])
