"""From settings to a trainer: the one place where its parts are chosen and put together."""

import json
from dataclasses import dataclass
from typing import Any

import keras

from millstream.errors import ConfigurationError
from millstream.settings import Settings, variable_name
from models.catalogue import CATALOGUE, build, find
from models.losses.streaming_frequency import StreamingFrequency
from models.retrieval.model import RetrievalModel
from models.spec_fields import ranker_fields, retriever_fields
from models.split import Split, split
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.evaluation.baseline import FrozenBaseline
from online_trainer.evaluation.progressive import ProgressiveMetrics
from online_trainer.learners.item_pool import ItemPool
from online_trainer.learners.optimisers import dense_optimiser, row_optimisers
from online_trainer.learners.ranker import Ranker
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
        self._check("ranker", self.settings.ranker, "ranking")
        self._check("retriever", self.settings.retriever, "retrieval")

    def _check(self, setting: str, name: str, task: str) -> None:
        legal = [e.name for e in CATALOGUE if e.task == task and e.learns_online]
        if name not in legal:
            raise ConfigurationError(
                f"{variable_name(setting)} must be one of {', '.join(legal)}. Received: {name!r}."
            )

    def models(self) -> dict[str, Any]:
        """The configuration of each model, as a manifest names it."""
        own = self.settings
        return {
            "ranker": _config(own.ranker, own.embedding_width, own.ranker_options),
            "retriever": _config(own.retriever, own.embedding_width, own.retriever_options),
        }

    def trainer(self, *, frozen_baseline: bool = False) -> Trainer:
        """A trainer that has learnt nothing; the same weights every time."""
        keras.utils.set_random_seed(_SEED)
        return Trainer(
            ranker=self.ranker(),
            retriever=self.retriever(),
            progress=ProgressiveMetrics(),
            baseline=FrozenBaseline(self.ranker()) if frozen_baseline else None,
            batch_size=self.settings.batch_size,
        )

    def ranker(self) -> Ranker:
        """The ranking network with empty tables."""
        name, options = self.settings.ranker, self.settings.ranker_options
        network = build(name, ranker_fields(self.settings.embedding_width), **options)
        parts = split(network)
        return Ranker(network, parts, self._tables(name, parts), self._dense(name))

    def retriever(self) -> Retriever:
        """The retrieval model with empty tables."""
        fields = retriever_fields(self.settings.embedding_width)
        name = self.settings.retriever
        model: RetrievalModel = build(name, fields, **self.settings.retriever_options)
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


def _config(name: str, width: int, options: dict[str, Any]) -> dict[str, Any]:
    """As a manifest, which is JSON, gives it back; options are left out where there are none."""
    config = {"name": name, "embedding_width": width, **({"options": options} if options else {})}
    return json.loads(json.dumps(config))
