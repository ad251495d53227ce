"""One snapshot, ready to answer: weights, embedding tables, and the vectors of all items."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from features.columns import Arrays
from millstream.domain.tasks import ONLY_TASK
from millstream.snapshots import Manifest
from models.fields import Task
from serving.catalogue.catalogue import Catalogue
from serving.model.program import Program, Tables, Weights
from serving.retrieval.clusters import sample
from serving.retrieval.item_index import ItemIndex
from serving.similarity.simhash import SimHash

_CHUNK = 4096  # items whose vectors are computed in one go
_SLICE = 512  # the same, where requests are answered meanwhile

# Scores of some items by the name of the task, (items,) float64 each; the first ranks lists.
TaskScores = dict[str, np.ndarray]


@dataclass(frozen=True)
class ServedNetwork:
    """A compiled network with the numbers of one snapshot."""

    program: Program
    weights: Weights
    tables: Tables

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """See `Program.__call__`."""
        return self.program(self.weights, self.tables, inputs)


@dataclass(frozen=True)
class ServedRanker:
    """Scores the items of one list.

    Args:
        network: with a column for each output of the tasks.
        tasks: in the order of their columns.
    """

    network: ServedNetwork
    tasks: Sequence[Task] = (Task(ONLY_TASK),)

    def scores(self, inputs: Arrays) -> TaskScores:
        """Probabilities of a positive, or numbers of a regression, by task; of a multi-class task
        the probability of each class, by `task.class`.
        """
        columns = iter(self.network(inputs).astype(np.float64).T)
        found: dict[str, np.ndarray] = {}
        for task in self.tasks:
            own = [next(columns) for _ in task.outputs]
            if task.kind == "binary":
                own = [_probabilities(own[0])]
            elif task.kind == "multiclass":
                own = [*_shares(np.stack(own))]
            found |= zip((output.name for output in task.outputs), own, strict=True)
        return found


@dataclass(frozen=True)
class ServedRetriever:
    """Both sides of a retrieval model, and the index of the item side's vectors.

    All are of one snapshot, so the vectors of users and items match in every request; several
    versions may share one retriever.

    Args:
        manifest: of the snapshot that it is from.
        loaded_s: when it was taken over, Unix seconds.
    """

    query: ServedNetwork
    candidate: ServedNetwork
    index: ItemIndex
    hashed: SimHash
    manifest: Manifest
    loaded_s: float = 0.0

    def query_vector(self, inputs: Arrays) -> np.ndarray:
        """The user's vector, shape (dim,), or one for each interest, (interests, dim)."""
        return self.query(inputs)[0]

    def add(
        self, catalogue: Catalogue, rows: np.ndarray, time_s: float, share: float = 1.0
    ) -> None:
        """Compute the vectors of `rows` and put them into the index: they can be retrieved.

        Rows without an item, and those of items that are not available, lose theirs.

        Args:
            catalogue: of the items.
            rows: of the catalogue.
            time_s: for which the items' features are taken.
            share: of the time that this may take of the processor; the rest is left to requests.
        """
        size = _CHUNK if share == 1.0 else _SLICE
        for start in range(0, len(rows), size):
            begun = time.perf_counter()
            chunk = rows[start : start + size]
            is_there = catalogue.has(chunk) & catalogue.in_time(chunk, time_s)
            self.index.drop(chunk[~is_there])
            chunk = chunk[is_there]
            self.index.put(chunk, self._vectors(catalogue, chunk, time_s))
            if share < 1.0:
                time.sleep((time.perf_counter() - begun) * (1.0 / share - 1.0))

    def cluster(self, catalogue: Catalogue, time_s: float) -> None:
        """Let the index keep what is put from now on in clusters, learnt from a sample of items."""
        rows = np.arange(len(catalogue))
        rows = sample(rows[catalogue.has(rows)])
        parts = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
        found = [self._vectors(catalogue, part, time_s) for part in parts]
        self.index.cluster(np.concatenate([np.empty((0, self.index.dim), np.float32), *found]))

    def _vectors(self, catalogue: Catalogue, rows: np.ndarray, time_s: float) -> np.ndarray:
        return self.candidate(catalogue.inputs(rows, catalogue.as_of(rows, time_s), time_s))

    def copy_vectors(self, index: ItemIndex, catalogue: Catalogue) -> None:
        """Begin with the vectors of another index over the same catalogue."""
        rows = np.arange(len(catalogue))
        rows = rows[index.has(rows)]
        self.index.put(rows, index.vectors(rows))


@dataclass(frozen=True)
class ServedModel:
    """Models of one snapshot version; a role that it lacks is None.

    Args:
        manifest: of the snapshot; the retriever may be of an older one.
        probes: event times by event id of the probes that it has learnt past and the version that
            it was built upon had not; empty where it was built upon none.
    """

    manifest: Manifest
    ranker: ServedRanker | None
    retriever: ServedRetriever | None
    probes: Mapping[str, float] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """Version of the snapshot."""
        return self.manifest.version

    @property
    def erased_through(self) -> float:
        """Up to when erasures of people are done in all of it, Unix seconds."""
        manifests = [self.manifest]
        if self.retriever is not None:
            manifests.append(self.retriever.manifest)
        return min(float(each.extra.get("erased_through", 0.0)) for each in manifests)


def _shares(logits: np.ndarray) -> np.ndarray:
    """Softmax of (classes, rows) logits."""
    powers = np.exp(logits - logits.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0))


def _probabilities(logits: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))
