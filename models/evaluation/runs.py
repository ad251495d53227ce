"""One run: a model, learnt from one dataset under one seed, and scored."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from millstream.errors import ConfigurationError
from models.catalogue import find
from models.entry import Entry
from models.evaluation.dataset import Dataset
from models.evaluation.encoded import EncodedExamples, encoded
from models.evaluation.figures import auc, figures
from models.evaluation.learner import OfflineLearner, Report
from models.evaluation.results import Result
from models.evaluation.settings import OPTIMISERS, Training
from models.evaluation.splits import in_time_order, split
from models.fields import Field

if TYPE_CHECKING:
    from models.evaluation.networks import Network

CURVE_POINTS = 100
# At most, where rows are seen once and steps are of few rows.
ONE_PASS = {"l2": 0.0, "learning_rate": 3e-3}
# A row is learnt from few times: Adagrad moves it far at first, as in the online trainer.
ONE_PASS_OPTIMISERS = {"embedding.": "adagrad", "linear.": "adagrad"}


@dataclass(frozen=True)
class EvaluationRun:
    """One evaluation: a model on a split of a dataset.

    Args:
        entry: of the catalogue. In one pass its rows are learnt by Adagrad where it does not say.
        split: `given`, `random`, `time`, or `progressive`: one pass in time order, in which every
            batch is scored before it is learnt.
        split_seed: of a random split. It stays the same for all seeds.
        seed: of first weights, dropout and the order of rows.
        options: of the builder, in place of its defaults.
        training: where it leaves `l2` or `learning_rate` open, that of the catalogue is taken.
        k: of the ranking metrics.
    """

    entry: Entry
    dataset: Dataset
    split: str
    seed: int = 0
    split_seed: int = 0
    training: Training = field(default_factory=Training)
    options: Mapping[str, Any] = field(default_factory=dict)
    k: int = 10

    def __post_init__(self) -> None:
        most = ONE_PASS if self.split == "progressive" else dict.fromkeys(ONE_PASS, np.inf)
        own = {
            name: min(getattr(self.entry, name), limit)
            for name, limit in most.items()
            if getattr(self.training, name) is None
        }
        object.__setattr__(self, "training", replace(self.training, **own))
        if self.split == "progressive":
            optimisers = {**ONE_PASS_OPTIMISERS, **self.entry.optimisers}
            object.__setattr__(self, "entry", replace(self.entry, optimisers=optimisers))

    @property
    def resolved(self) -> dict[str, Any]:
        """Every option of the builder with its value."""
        options = self.entry.defaults()
        if self.training.dropout is not None and "dropout" in options:
            options["dropout"] = self.training.dropout
        return {**options, **self.options}

    @property
    def firsts(self) -> dict[str, "EvaluationRun"]:
        """The runs whose weights it begins with; one pass leaves no time for others."""
        if self.split == "progressive":
            return {}
        training = replace(self.training, l2=None, learning_rate=None)
        return {
            name: replace(self, entry=find(name), options={}, training=training)
            for name in self.entry.initialize_from
        }

    @property
    def key(self) -> dict[str, Any]:
        """Everything that decides the result."""
        firsts = {name: first.key["training"] for name, first in self.firsts.items()}
        return {
            "model": self.entry.name,
            "begins_from": firsts,
            "row_init": asdict(self.entry.row_init),
            "optimisers": {
                prefix: [name, OPTIMISERS.get(name)]
                for prefix, name in self.entry.optimisers.items()
            },
            "options": self.resolved,
            "dataset": self.dataset.name,
            "digest": self.dataset.digest,
            "split": self.split,
            "split_seed": self.split_seed,
            "seed": self.seed,
            "training": asdict(self.training),
            "k": self.k,
        }


def execute(run: EvaluationRun, report: Report = lambda share, reached: None) -> Result:
    """Learn, score and measure.

    Raises:
        ConfigurationError: the model cannot be evaluated so.
    """
    if run.entry.task != "ranking":
        raise ConfigurationError(
            f"`models` must be rankers. Received: {run.entry.name!r}, for {run.entry.task}."
        )
    return _progressive(run, report) if run.split == "progressive" else _on_split(run, report)


class Trained(NamedTuple):
    """A model that has learnt a run's training rows.

    Args:
        valid: the rows that decided when to stop.
        test: the rows that are to be scored.
        seconds: that training took.
        examples_per_s: of training.
    """

    learner: OfflineLearner
    fields: tuple[Field, ...]
    valid: EncodedExamples
    test: EncodedExamples
    epochs: int
    seconds: float
    examples_per_s: float


def trained(run: EvaluationRun, report: Report = lambda share, reached: None) -> Trained:
    """Learn the training rows of a run's split."""
    parts = split(run.dataset, run.split, run.split_seed)
    training = run.training
    fields, rows = encoded(
        run.dataset, parts.train, width=training.width, min_count=training.min_count
    )
    train, valid, test = rows.at(parts.train), rows.at(parts.valid), rows.at(parts.test)
    learner = _learner(run, fields)
    epochs, seconds = learner.fit(train, valid, report)
    return Trained(learner, fields, valid, test, epochs, seconds, len(train) * epochs / seconds)


def _on_split(run: EvaluationRun, report: Report) -> Result:
    done = trained(run, report)
    scores = done.learner.predict(done.test.x)
    return Result(
        key=run.key,
        metrics=_finite(figures(done.test.y, scores, done.test.groups, run.k)),
        epochs=done.epochs,
        train_s=done.seconds,
        examples_per_s=done.examples_per_s,
    )


def _progressive(run: EvaluationRun, report: Report) -> Result:
    if not run.entry.learns_online:
        raise ConfigurationError(
            f"`split` must not be 'progressive' for {run.entry.name!r}, which learns all at once."
        )
    # An id's row stays as it was drawn until it is learnt: every id may have one beforehand.
    order = in_time_order(run.dataset)
    fields, rows = encoded(run.dataset, order, width=run.training.width)
    rows = rows.at(order)
    learner = _network(run, fields)
    scores, seconds = learner.test_then_train(rows, report)
    return Result(
        key=run.key,
        metrics=_finite(figures(rows.y, scores, rows.groups, run.k)),
        epochs=1,
        train_s=seconds,
        examples_per_s=len(rows) / seconds,
        curve=_curve(rows.y, scores),
    )


def _learner(run: EvaluationRun, fields: tuple[Field, ...]) -> OfflineLearner:
    if run.entry.family == "trees":
        from models.evaluation.trees import Trees

        return Trees(run.entry, fields, run.resolved, run.seed)
    from models.evaluation.warm_start import WarmStart

    network = _network(run, fields)
    if not run.firsts:
        return network
    copiers = run.entry.copiers()
    return WarmStart(
        [(_network(f, fields), copiers[name]) for name, f in run.firsts.items()], network
    )


def _network(run: EvaluationRun, fields: tuple[Field, ...]) -> "Network":
    from models.evaluation.networks import Network

    return Network(run.entry, fields, run.resolved, run.training, run.seed)


def _curve(labels: np.ndarray, scores: np.ndarray) -> list[tuple[int, float]]:
    ends = np.unique(np.linspace(0, len(labels), CURVE_POINTS + 1, dtype=int)[1:])
    points = [(int(end), auc(labels[:end], scores[:end])) for end in ends]
    return [(end, area) for end, area in points if np.isfinite(area)]


def _finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in metrics.items()}
