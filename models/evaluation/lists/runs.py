"""One run: a model that learns a protocol's training lists, and is asked for lists."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple
from typing import Protocol as Interface

import numpy as np
import xxhash

from millstream.errors import ConfigurationError
from models.catalogue import find
from models.evaluation.lists import protocols
from models.evaluation.lists.baselines import Popularity
from models.evaluation.lists.full_corpus import Scorer, full_corpus
from models.evaluation.lists.protocols import Interactions, Protocol
from models.evaluation.lists.questions import Questions
from models.evaluation.results import Result

# By kind of model: `fitted(run, found) -> Fitted`.
TRAINERS = {
    "autoencoder": "models.evaluation.lists.autoencoders:fitted",
    "matrix": "models.evaluation.lists.matrices:fitted",
    "next item": "models.evaluation.lists.next_items:fitted",
    "retrieval": "models.evaluation.lists.towers:fitted",
}
BASELINES: dict[str, Callable[[Protocol], "Lists"]] = {"popularity": Popularity}
PROTOCOLS = ("leave-one-out", "strong", "time", "random")


class Lists(Interface):
    """A model that has learnt."""

    def scorer(self, questions: Questions) -> Scorer:
        """The scores of these questions, by their numbers."""


class Fitted(NamedTuple):
    """What training has made.

    Args:
        model: which gives scores.
        epochs: that it took.
        examples: interactions learnt from in each.
    """

    model: Lists
    epochs: int
    examples: int


@dataclass(frozen=True)
class Training:
    """How a run trains.

    Args:
        epochs: at most.
        patience: epochs without a better NDCG of the validation lists before training stops; the
            best epoch is kept. Where a protocol validates nothing, all epochs are made.
        batch_size: users of a step.
        learning_rate: of Adam.
    """

    epochs: int = 50
    patience: int = 3
    batch_size: int = 200
    learning_rate: float = 1e-3


@dataclass(frozen=True)
class ListRun:
    """One model, one protocol, one seed.

    Args:
        model: of the catalogue, or of `BASELINES`.
        data: what the interactions are called.
        log: the interactions.
        protocol: of `PROTOCOLS`.
        seed: of the model; the protocol's own draws are always the same.
        training: how it trains.
        options: of the builder.
        learning: options of the kind's learner, such as its loss.
        ks: lengths of the lists.
    """

    model: str
    data: str
    log: Interactions
    protocol: str
    seed: int = 0
    training: Training = Training()
    options: Mapping[str, Any] = field(default_factory=dict)
    learning: Mapping[str, Any] = field(default_factory=dict)
    ks: Sequence[int] = (10, 20, 50, 100)

    @cached_property
    def found(self) -> Protocol:
        """The protocol's parts.

        Raises:
            ConfigurationError: there is no such protocol, or the interactions do not fit it.
        """
        return parts_of(self.log, self.protocol)

    @property
    def key(self) -> dict[str, Any]:
        """Everything that decides the result."""
        return {
            "model": self.model,
            "dataset": self.data,
            "digest": digest(self.log),
            "split": self.found.name,
            "seed": self.seed,
            "training": asdict(self.training),
            "options": dict(self.options),
            "learning": dict(self.learning),
            "ks": list(self.ks),
        }


def parts_of(log: Interactions, protocol: str) -> Protocol:
    """The parts of a protocol by its name; a tenth of the users, at most 10,000, are held out.

    Raises:
        ConfigurationError: there is no such protocol, or the interactions do not fit it.
    """
    try:
        if protocol == "leave-one-out":
            return protocols.leave_one_out(log)
        if protocol == "strong":
            held_out = min(10_000, max(1, log.user_count // 10))
            return protocols.strong_generalisation(log, held_out=held_out)
        if protocol == "time":
            return protocols.time_split(log)
        if protocol == "random":
            return protocols.random_split(log)
    except ValueError as error:
        raise ConfigurationError(f"`protocol` {protocol!r}: {error}") from error
    raise ConfigurationError(f"`protocol` must be one of {PROTOCOLS}. Received: {protocol!r}.")


def execute(run: ListRun) -> Result:
    """Learn, ask for lists of the whole corpus, and measure.

    Raises:
        ConfigurationError: the model cannot be asked so.
    """
    started = time.perf_counter()
    fitted = _fitted(run)
    seconds = time.perf_counter() - started
    test = run.found.test
    figures = full_corpus(fitted.model.scorer(test), test, protocol=run.found.name, ks=run.ks)
    known = {n: v if np.isfinite(v) else None for n, v in figures.values.items()}
    learnt = fitted.epochs * fitted.examples
    return Result(run.key, known, fitted.epochs, seconds, learnt / max(seconds, 1e-9))


def digest(log: Interactions) -> str:
    """A fingerprint of the interactions."""
    hashed = xxhash.xxh3_128()
    for array in (log.users, log.items, log.times_s):
        hashed.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()


def _fitted(run: ListRun) -> Fitted:
    if run.model in BASELINES:
        model = BASELINES[run.model](run.found)
        return Fitted(model, 1, len(run.found.train.values))
    module, _, function = TRAINERS[kind_of(run.model)].partition(":")
    return getattr(import_module(module), function)(run, run.found)


def kind_of(model: str) -> str:
    """Which of `TRAINERS` a model of the catalogue has.

    Raises:
        ConfigurationError: it has none.
    """
    entry = find(model)
    kind = "next item" if entry.loss else entry.task
    if kind not in TRAINERS:
        raise ConfigurationError(
            f"`models` must give lists: {sorted(BASELINES)}, or of the kinds {sorted(TRAINERS)}. "
            f"Received: {model!r}, for {entry.task}."
        )
    return kind
