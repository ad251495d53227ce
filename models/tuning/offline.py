"""Trials of a model on a dataset: measured by the rows that decide when training stops."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.entry import Entry
from models.evaluation.dataset import Dataset
from models.evaluation.figures import auc
from models.evaluation.runs import EvaluationRun, trained
from models.evaluation.settings import Training
from models.tuning.study import Told

MEASURE = "validation AUC"
# Settings of training that may vary beside the options of the builder, with values of their kinds.
TRAINING: Mapping[str, Any] = {
    "width": 16,
    "batch_size": 4096,
    "learning_rate": 1e-2,
    "decay": 0.1,
    "l2": 0.0,
    "dropout": 0.0,
    "min_count": 1,
}


@dataclass(frozen=True)
class OfflineTrials:
    """What a trial of one model does.

    Args:
        split: `given`, `random` or `time`; its test rows are never looked at.
        training: what a trial leaves open.
        options: of the builder, what a trial leaves open.
        seed: of all trials.
    """

    entry: Entry
    dataset: Dataset
    split: str
    training: Training
    options: Mapping[str, Any]
    seed: int = 0

    @property
    def known(self) -> dict[str, Any]:
        """Names that may vary, with a value of the kind that each takes."""
        return {**TRAINING, **self.entry.defaults()}

    @property
    def purpose(self) -> str:
        """What decides a trial's value, beside what varies."""
        return repr(self.run({}).key)

    def run(self, values: Mapping[str, Any]) -> EvaluationRun:
        """The run of these values."""
        training = {name: value for name, value in values.items() if name in TRAINING}
        return EvaluationRun(
            self.entry,
            self.dataset,
            self.split,
            self.seed,
            training=replace(self.training, **training),
            options={**self.options, **self.builder_options(values)},
        )

    def builder_options(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the values that the model's builder takes."""
        return {name: value for name, value in values.items() if name not in TRAINING}

    def flags(self, values: Mapping[str, Any]) -> list[str]:
        """The options of `millstream eval` that say so."""
        training = {name: value for name, value in values.items() if name in TRAINING}
        flags = [f"--{name.replace('_', '-')} {value!r}" for name, value in training.items()]
        options = {**self.options, **self.builder_options(values)}
        return flags + [shlex.join(["--option", f"{n}={v!r}"]) for n, v in options.items()]

    def value(self, values: Mapping[str, Any], told: Told) -> float:
        """The AUC of the validation rows, at the best epoch."""
        run = self.run(values)
        told_epochs = 0

        def report(share: float, reached: float) -> None:
            nonlocal told_epochs
            epoch = int(share * run.training.epochs)
            if epoch > told_epochs and reached > 0:
                told(epoch - 1, reached)
                told_epochs = epoch

        done = trained(run, report)
        return float(auc(done.valid.y, np.asarray(done.learner.predict(done.valid.x))))
