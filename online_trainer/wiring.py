"""From settings to a trainer: the one place where its parts are chosen and put together."""

from dataclasses import dataclass
from typing import Any

import keras

from millstream.settings import Settings
from models.catalogue import build
from models.losses.streaming_frequency import StreamingFrequency
from models.retrieval.two_tower import TwoTower
from models.spec_fields import ranker_fields, retriever_fields
from models.split import Split, split
from online_trainer.baseline import Baseline
from online_trainer.embeddings.arena import Policy
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.item_pool import ItemPool
from online_trainer.learners.ranker import Ranker
from online_trainer.learners.retriever import Retriever
from online_trainer.progress import Progress
from online_trainer.trainer import Trainer

_SEED = 1
_FREQUENCY_SLOTS = 1 << 16


@dataclass(frozen=True)
class Wiring:
    """What the settings choose.

    Args:
        settings: of the installation.
    """

    settings: Settings

    def models(self) -> dict[str, Any]:
        """The configuration of each model, as a manifest names it."""
        width = self.settings.embedding_width
        return {
            "ranker": {"name": self.settings.ranker, "embedding_width": width},
            "retriever": {"name": self.settings.retriever, "embedding_width": width},
        }

    def trainer(self, *, frozen_baseline: bool = False) -> Trainer:
        """A trainer that has learnt nothing; the same weights every time."""
        keras.utils.set_random_seed(_SEED)
        return Trainer(
            ranker=self.ranker(),
            retriever=self.retriever(),
            progress=Progress(),
            baseline=Baseline(self.ranker()) if frozen_baseline else None,
            batch_size=self.settings.batch_size,
        )

    def ranker(self) -> Ranker:
        """The ranking network with empty tables."""
        network = build(self.settings.ranker, ranker_fields(self.settings.embedding_width))
        parts = split(network)
        return Ranker(network, parts, self._tables(parts), self._dense())

    def retriever(self) -> Retriever:
        """The two towers with empty tables."""
        fields = retriever_fields(self.settings.embedding_width)
        towers: TwoTower = build(self.settings.retriever, fields)
        query, candidate = split(towers.query), split(towers.candidate)
        return Retriever(
            towers.model,
            query,
            candidate,
            self._tables(query, candidate),
            self._dense(),
            ItemPool([field for field in fields if field.belongs_to == "item"]),
            StreamingFrequency(slots=_FREQUENCY_SLOTS),
        )

    def _tables(self, *parts: Split) -> DynamicTables:
        """The tables of all `parts`; one that two of them read is one table."""
        tables = {name: table for part in parts for name, table in part.tables.items()}
        policy = Policy(
            admit_after=self.settings.admit_after, expire_after=self.settings.expire_after_steps
        )
        return DynamicTables(
            tables.values(), RowAdagrad(self.settings.embedding_learning_rate), policy
        )

    def _dense(self) -> keras.Optimizer:
        return keras.optimizers.Adam(self.settings.dense_learning_rate)
