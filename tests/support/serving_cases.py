"""Parts of a serving worker for unit tests: a catalogue, a model without TensorFlow, users."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from features.columns import Arrays
from millstream.clock import FakeClock
from millstream.domain import Domain, domain
from millstream.domain.tasks import ONLY_TASK
from millstream.errors import StoreUnavailable
from millstream.events import Impression, ItemUpsert
from millstream.snapshots import Manifest
from models.fields import Task
from serving.catalogue.catalogue import Catalogue
from serving.fusion.fusion import Fusion
from serving.metrics import Metrics
from serving.model.served import TaskScores
from serving.recommend.objectives import Objectives
from serving.recommend.options import ListOptions
from serving.recommend.recommender import Dependencies, Recommender
from serving.remembered import Remembered
from serving.rerank.diversity_budget import DiversityBudget
from serving.retrieval.item_index import ItemIndex
from serving.retrieval.rankings import Rankings
from serving.similarity.simhash import SimHash
from serving.users import StoredUser

NOW_S = 1_767_225_600.0
DIM = 4


_numbers = itertools.count()


def upsert(item_id: str, **fields: Any) -> ItemUpsert:
    """An item that is as old as `NOW_S` unless it is said otherwise; later ones supersede."""
    event_id = f"upsert-{next(_numbers):09d}"
    return ItemUpsert(**{"event_id": event_id, "event_time": NOW_S, "item_id": item_id, **fields})


def catalogue_of(count: int) -> Catalogue:
    """Items `0`, `1`, ..., each a second older than the one before it; titles share nothing."""
    catalogue = Catalogue()
    words = np.random.default_rng(1).integers(10**9, 10**10, size=(count, 3)).astype(str)
    catalogue.upsert(
        [
            upsert(
                str(number),
                title=" ".join(words[number]),
                categories=[f"category {number % 3}"],
                created_at=NOW_S - number,
            )
            for number in range(count)
        ]
    )
    return catalogue


@dataclass
class FakeRanker:
    """Scores an item by its age: the newer the better."""

    fails: bool = False
    inputs: list[Arrays] = field(default_factory=list)
    tasks: Sequence[Task] = (Task(ONLY_TASK),)

    def scores(self, inputs: Arrays) -> TaskScores:
        if self.fails:
            raise RuntimeError("the ranker is broken")
        self.inputs.append(inputs)
        ranks = np.argsort(np.argsort(-inputs["item_created_at"]))
        return {ONLY_TASK: ranks.astype(float) / 1000.0}


@dataclass
class FakeRetriever:
    """An index of random vectors; the user's vector is that of the first item."""

    index: ItemIndex
    manifest: Manifest
    hashed: SimHash = field(default_factory=lambda: SimHash(DIM))
    fails: bool = False

    @classmethod
    def of(cls, count: int, version: int = 7) -> "FakeRetriever":
        index = ItemIndex(DIM)
        vectors = np.random.default_rng(2).normal(size=(count, DIM))
        index.put(np.arange(count), vectors.astype(np.float32))
        return cls(index, Manifest(version=version, kind="full", created_at=NOW_S))

    def query_vector(self, inputs: Arrays) -> np.ndarray:
        if self.fails:
            raise RuntimeError("the retriever is broken")
        return self.index.vectors(np.array([0]))[0]

    def add(self, catalogue: Catalogue, rows: np.ndarray, time_s: float) -> int:
        self.index.put(rows, np.ones((len(rows), DIM), np.float32))
        return 0


@dataclass
class FakeModel:
    """What `ServedModel` offers."""

    ranker: FakeRanker | None = field(default_factory=FakeRanker)
    retriever: FakeRetriever | None = None
    version: int = 7
    probes: Mapping[str, float] = field(default_factory=dict)
    vectors_refused: int = 0

    @property
    def manifest(self) -> Manifest:
        return Manifest(version=self.version, kind="full", created_at=NOW_S)


@dataclass
class FakeUsers:
    """`Users` from a dictionary of raw values."""

    raw: dict[str, dict[str, Any]] = field(default_factory=dict)
    filters: Sequence[bytes | None] = ()
    is_gone: bool = False
    reads: int = 0

    async def read(self, user_id: str) -> StoredUser:
        self.reads += 1
        if self.is_gone:
            raise StoreUnavailable("Redis does not answer")
        known = self.raw.get(user_id, {})
        return StoredUser(user_id, {**StoredUser.unknown(user_id).raw, **known}, self.filters)


class Case:
    """A recommender and what it is made of.

    Args:
        count: items in the catalogue.
        declared: the domain that says what lists are ranked by.
        **options: of `ListOptions`.
    """

    def __init__(self, count: int = 60, declared: Domain | None = None, **options: Any) -> None:
        self.clock = FakeClock(NOW_S)
        self.catalogue = catalogue_of(count)
        self.users = FakeUsers()
        self.model: Any = FakeModel(retriever=FakeRetriever.of(count))
        self.metrics = Metrics()
        self.logged: list[Impression] = []
        self.rankings = Rankings(self.catalogue)
        chosen = {"candidates": 30, "diversity": "none", "budget_s": 10.0, **options}
        self.remembered, self.fusion = Remembered(), Fusion()
        self.diversity = DiversityBudget(0.02)
        self.options = ListOptions(**chosen)
        self.objectives = Objectives(declared or domain())
        self.recommender = Recommender(
            Dependencies(
                catalogue=self.catalogue,
                rankings=self.rankings,
                users=self.users,
                model=lambda: self.model,
                log=self.logged.append,
                metrics=self.metrics,
                clock=self.clock,
                fusion=self.fusion,
                diversity=self.diversity,
                objectives=self.objectives,
            ),
            self.options,
            np.random.default_rng(3),
            self.remembered,
        )

    def count(self, name: str, **labels: str) -> float:
        """A sample of the metrics; 0 where there is none."""
        return self.metrics.registry.get_sample_value(f"millstream_serving_{name}", labels) or 0.0
