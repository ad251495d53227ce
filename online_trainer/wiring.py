"""From settings to a trainer: the one place where its parts are chosen and put together."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import keras

from features import labels
from features.signatures import input_signatures
from millstream.errors import ConfigurationError
from millstream.settings import Settings, variable_name
from millstream.snapshots.layout import Role
from millstream.snapshots.signature import Signatures
from models.catalogue import CATALOGUE, build, find
from models.losses.streaming_frequency import StreamingFrequency
from models.rankers import ranking_network, tasks_in
from models.retrieval.model import RetrievalModel
from models.spec_fields import ranker_fields, retriever_fields
from models.split import Split, split
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.evaluation.baseline import FrozenBaseline
from online_trainer.evaluation.progressive import ProgressiveMetrics
from online_trainer.learners.heads import Tasks
from online_trainer.learners.item_pool import ItemPool
from online_trainer.learners.optimisers import dense_optimiser, row_optimisers
from online_trainer.learners.ranker import Objective, Ranker
from online_trainer.learners.retriever import Retriever
from online_trainer.trainer import Trainer

_SEED = 1
_FREQUENCY_SLOTS = 1 << 16


@dataclass(frozen=True)
class Wiring:
    """Models, tables and optimisers that the settings choose.

    Args:
        settings: of the installation.
    """

    settings: Settings

    def __post_init__(self) -> None:
        """See that the models are there, before anything is begun.

        Raises:
            ConfigurationError: a setting names a model that is not, or not for that use.
        """
        self._check("ranker", self.settings.ranker, ("ranking", "multi_task"))
        self._check("retriever", self.settings.retriever, ("retrieval",))

    def _check(self, setting: str, name: str, tasks: Collection[str]) -> None:
        legal = [e.name for e in CATALOGUE if e.task in tasks and e.learns_online]
        if "ranking" in tasks and ":" in name:
            find(name).load()  # one of the project's own
        elif name not in legal:
            raise ConfigurationError(
                f"{variable_name(setting)} must be one of {', '.join(legal)}. Received: {name!r}."
            )

    def models(self) -> dict[str, Any]:
        """The configuration of each model, as a manifest names it."""
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
        keras.utils.set_random_seed(_SEED)
        tasks = tasks_in(self.models()["ranker"])
        return Trainer(
            ranker=self.ranker(inputs),
            retriever=self.retriever(inputs),
            progress=ProgressiveMetrics(kind=tasks[0].kind),
            baseline=FrozenBaseline(self.ranker(inputs)) if frozen_baseline else None,
            batch_size=self.settings.batch_size,
            inputs=inputs,
            further={task.name: ProgressiveMetrics(kind=task.kind) for task in tasks[1:]},
            drift_rows=self.settings.drift_rows,
        )

    def networks(self, inputs: Signatures) -> dict[Role, keras.Model]:
        """The network of each role."""
        return {
            "ranker": self._ranking_network(inputs),
            "retriever": self._retrieval_model(inputs).model,
        }

    def ranker(self, inputs: Signatures | None = None) -> Ranker:
        """The ranking network with empty tables."""
        network = self._ranking_network(inputs)
        name, parts = self.settings.ranker, split(network)
        within = None if self.settings.ranker_loss == "pointwise" else self.settings.ranker_loss
        return Ranker(
            network,
            parts,
            self._tables(name, parts),
            self._dense(name),
            Objective(within, self.settings.pointwise_share),
            self._tasks(),
            corrects_sampling=self.settings.sampling_correction,
        )

    def _tasks(self) -> Tasks:
        delayed = self.settings.delayed_feedback
        return Tasks(
            tasks_in(self.models()["ranker"]),
            tuple(task.weight for task in labels.TASKS),
            tuple(delayed if task.corrected_s else "none" for task in labels.TASKS),
        )

    def _ranking_network(self, inputs: Signatures | None) -> keras.Model:
        fields = ranker_fields(self.settings.embedding_width, inputs)
        return ranking_network(self.models()["ranker"], fields)

    def _retrieval_model(self, inputs: Signatures | None) -> RetrievalModel:
        own = self.settings
        fields = retriever_fields(own.embedding_width, inputs)
        model: RetrievalModel = build(own.retriever, fields, **own.retriever_options)
        return model

    def retriever(self, inputs: Signatures | None = None) -> Retriever:
        """The retrieval model with empty tables."""
        name, model = self.settings.retriever, self._retrieval_model(inputs)
        fields = retriever_fields(self.settings.embedding_width, inputs)
        query, candidate = map(split, model.learning)
        return Retriever(
            model.model,
            query,
            candidate,
            model.objective,
            self._tables(name, query, candidate),
            self._dense(name),
            ItemPool([field for field in fields if field.belongs_to == "item"]),
            StreamingFrequency(slots=_FREQUENCY_SLOTS),
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
    """Names of the domain's tasks as a configuration has them: `click`, `stars:regression`."""
    return [task.name if task.is_binary else f"{task.name}:regression" for task in labels.TASKS]


def _config(name: str, width: int, options: dict[str, Any]) -> dict[str, Any]:
    """As a manifest, which is JSON, gives it back; options are left out where there are none."""
    config = {"name": name, "embedding_width": width, **({"options": options} if options else {})}
    return json.loads(json.dumps(config))
