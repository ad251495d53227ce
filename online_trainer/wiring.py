"""From settings to a trainer: the one place where its parts are chosen and put together."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from features import labels
from features.signatures import input_signatures
from millstream.errors import ConfigurationError
from millstream.settings import Settings, variable_name
from millstream.snapshots import SnapshotReader
from millstream.snapshots.layout import Role
from millstream.snapshots.signature import Signatures
from models.catalogue import CATALOGUE, find
from models.fields import Field
from models.rankers import ranking_network
from models.retrievers import retrieval_model
from models.spec_fields import ranker_fields, retriever_fields
from models.split import Split, split
from models.task_names import tasks_in
from online_trainer.challenge.challenger import (
    Challenger,
    ChallengingRanker,
    ChallengingRetriever,
)
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.evaluation.baseline import FrozenBaseline
from online_trainer.evaluation.lists import ProgressiveLists
from online_trainer.evaluation.progressive import ProgressiveMetrics
from online_trainer.evaluation.recent import RecentRows
from online_trainer.learners.candidates import candidates_of
from online_trainer.learners.heads import Tasks
from online_trainer.learners.objective import Objective
from online_trainer.learners.optimisers import dense_optimiser, row_optimisers
from online_trainer.learners.ranker import Ranker
from online_trainer.learners.retriever import Retriever
from online_trainer.snapshots.frozen import FrozenRankers
from online_trainer.snapshots.judge import Judge
from online_trainer.trainer import Trainer

# Of Python's generator, as Keras' initialisers take it; setting TensorFlow's drops its kernels.
_SEED = 1
# Tasks of the catalogue whose models may have a role.
_TASKS: Mapping[Role, tuple[str, ...]] = {
    "ranker": ("ranking", "multi_task"),
    "retriever": ("retrieval", "autoencoder"),
}


@dataclass(frozen=True)
class Wiring:
    """Models, tables and optimisers that the settings choose.

    Args:
        settings: of the installation.
        chosen: configuration of models by role, in place of what the settings say.
    """

    settings: Settings
    chosen: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """See that the models are there, before anything is begun.

        Raises:
            ConfigurationError: a model that is named is not there, or not for that use.
        """
        models = self.models()
        for role, tasks in _TASKS.items():
            name = models[role].get("name")
            legal = [e.name for e in CATALOGUE if e.task in tasks and e.learns_online]
            if ":" in str(name):
                find(name).load()  # one of the project's own
            elif name not in legal:
                raise ConfigurationError(
                    f"{variable_name(role)} must be one of {', '.join(legal)}. Received: {name!r}."
                )
        if models["ranker"].get("tasks") != self._own_models()["ranker"].get("tasks"):
            raise ConfigurationError(f"The domain has other tasks than {models['ranker']}.")

    def models(self) -> dict[str, Any]:
        """The configuration of each model, as a manifest names it."""
        return {**self._own_models(), **self.chosen}

    def of(self, models: Mapping[str, Any]) -> "Wiring":
        """The same, but with these models, as a manifest names them.

        Raises:
            ConfigurationError: they are not, or no longer, there.
        """
        return replace(self, chosen=models)

    def _own_models(self) -> dict[str, Any]:
        own = self.settings
        return {
            "ranker": {
                **_config(own.ranker, own.embedding_width, own.ranker_options),
                **({"tasks": _task_names()} if labels.ARE_DECLARED else {}),
            },
            "retriever": _config(own.retriever, own.embedding_width, own.retriever_options),
        }

    def trainer(
        self, inputs: Signatures | None = None, *, frozen_baseline: bool = False
    ) -> Trainer:
        """A trainer that has learnt nothing; the same weights every time.

        Args:
            inputs: of its networks, in their order; None is those of the spec.
            frozen_baseline: keep the ranker as it was at the first snapshot, and compare.
        """
        inputs = input_signatures() if inputs is None else tuple(inputs)
        random.seed(_SEED)
        tasks = tasks_in(self.models()["ranker"])
        return Trainer(
            ranker=self.ranker(inputs),
            retriever=self.retriever(inputs),
            progress=ProgressiveMetrics(kind=tasks[0].kind),
            baseline=FrozenBaseline(self.ranker(inputs)) if frozen_baseline else None,
            batch_size=self.settings.batch_size,
            inputs=inputs,
            propensity_limit=self.settings.propensity_limit,
            further={task.name: ProgressiveMetrics(kind=task.kind) for task in tasks[1:]},
            drift_rows=self.settings.drift_rows,
            models=self.models(),
            lists=ProgressiveLists(every)
            if (every := self.settings.list_question_examples)
            else None,
        )

    def challenger(self, role: Role, inputs: Signatures) -> Challenger[Any]:
        """A learner of this model that has learnt nothing, to be warmed up beside another one."""
        own, model = self.settings, self.models()[role]
        rest = own.challenger_rows, own.challenger_margin, own.batch_size
        random.seed(_SEED)
        if role == "ranker":
            return ChallengingRanker(self.ranker(inputs), model, *rest)
        return ChallengingRetriever(self.retriever(inputs), model, *rest)

    def judge(self, trainer: Trainer, reader: SnapshotReader) -> Judge | None:
        """Compares a trainer with what it publishes; None where the settings want no comparison.

        The trainer keeps its newest rows for it from now on.
        """
        own = self.settings
        if not own.gate_rows:
            return None
        trainer.recent = RecentRows(own.gate_rows)
        limits = {
            "event_auc": own.gate_auc,
            "auc": own.gate_auc,
            "log_loss": own.gate_log_loss,
            "calibration": own.gate_calibration,
            "rmse": own.gate_rmse,
        }

        def make(models: Mapping[str, Any], inputs: Signatures) -> Ranker:
            return self.of(models).ranker(inputs)

        frozen = FrozenRankers(reader, make)
        return Judge(trainer.recent, reader, frozen, limits, own.gate_after_examples, own.gate_rows)

    def networks(self, inputs: Signatures) -> dict[Role, keras.Model]:
        """The network of each role."""
        return {
            "ranker": self._ranking_network(inputs),
            "retriever": retrieval_model(*self._retriever_inputs(inputs)).model,
        }

    def ranker(self, inputs: Signatures | None = None) -> Ranker:
        """The ranking network with empty tables."""
        network = self._ranking_network(inputs)
        name, parts = self.models()["ranker"]["name"], split(network)
        within = None if self.settings.ranker_loss == "pointwise" else self.settings.ranker_loss
        return Ranker(
            network,
            parts,
            self._tables(name, parts),
            self._dense(name),
            Objective(within, self.settings.pointwise_share),
            self._tasks(),
            corrects_sampling=self.settings.sampling_correction,
            position_dropout=self.settings.position_dropout,
        )

    def _tasks(self) -> Tasks:
        delayed = self.settings.delayed_feedback
        return Tasks(
            tasks_in(self.models()["ranker"]),
            tuple(task.weight for task in labels.TASKS),
            tuple(delayed if task.corrected_s else "none" for task in labels.TASKS),
        )

    def _ranking_network(self, inputs: Signatures | None) -> keras.Model:
        own = self.models()["ranker"]
        return ranking_network(own, ranker_fields(own["embedding_width"], inputs))

    def _retriever_inputs(self, inputs: Signatures | None) -> tuple[Any, tuple[Field, ...]]:
        own = self.models()["retriever"]
        return own, retriever_fields(own["embedding_width"], inputs)

    def retriever(self, inputs: Signatures | None = None) -> Retriever:
        """The retrieval model with empty tables."""
        own, fields = self._retriever_inputs(inputs)
        model = retrieval_model(own, fields)
        query, candidate = map(split, model.learning)
        return Retriever(
            model.model,
            query,
            candidate,
            model.objective,
            self._tables(own["name"], query, candidate),
            self._dense(own["name"]),
            candidates_of(model, fields),
            model.before_step,
        )

    def _tables(self, model: str, *parts: Split) -> DynamicTables:
        """The tables of all `parts`; one that two of them read is one table."""
        own = self.settings
        tables = {name: table for part in parts for name, table in part.tables.items()}
        policy = Policy(admit_after=own.admit_after, expire_after=own.expire_after_steps)
        optimisers = row_optimisers(self._optimisers(model), self._row_rates())
        return DynamicTables(tables.values(), optimisers, policy)

    def _dense(self, model: str) -> keras.Optimizer:
        rate = self.settings.dense_learning_rate
        return dense_optimiser(self._optimisers(model), rate, self._row_rates())

    def _optimisers(self, model: str) -> dict[str, str]:
        """By prefix: the paper's, and the settings' over them."""
        return {**find(model).optimisers, **self.settings.optimisers}

    def _row_rates(self) -> dict[str, float]:
        """By optimiser."""
        rate = self.settings.embedding_learning_rate
        return {"adagrad": rate, "adam": rate, "ftrl": self.settings.ftrl_learning_rate}


def _task_names() -> list[str]:
    """Names of the domain's tasks as in a configuration (`models.task_names`)."""
    found = []
    for task in labels.TASKS:
        kind = f":multiclass({','.join(task.classes)})" if task.classes else ":regression"
        found.append(task.name if task.is_binary else f"{task.name}{kind}")
    return found


def _config(name: str, width: int, options: dict[str, Any]) -> dict[str, Any]:
    """As a manifest, which is JSON, gives it back; options are left out where there are none."""
    config = {"name": name, "embedding_width": width, **({"options": options} if options else {})}
    return json.loads(json.dumps(config))
