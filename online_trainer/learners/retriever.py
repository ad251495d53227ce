"""The retriever learns online: which item, of all, comes next?

Each positive of a batch is told from other candidates, see `online_trainer.learners.candidates`.

Reference: Yi et al., RecSys 2019, https://doi.org/10.1145/3298689.3346996.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from models.compact import compact
from models.retrieval.model import Trains
from models.split import Split
from online_trainer.embeddings.tables import DynamicTables, Read
from online_trainer.learners.batch import Batch
from online_trainer.learners.candidates import Candidates
from online_trainer.learners.compiled import CompiledStep
from online_trainer.learners.dense import DenseWeights
from online_trainer.learners.vectors import Layout, as_arrays, field_specs

HIT_AT = 10


class Retrieved(NamedTuple):
    """Result of one step.

    Args:
        positives: how many rows were learnt from.
        loss: weighted mean of the objective.
        hit_rate: share of positives that scored among the first ten of their candidates, before
            they were learnt from.
        is_finite: False where the batch was refused.
    """

    positives: int
    loss: float
    hit_rate: float
    is_finite: bool


class Retriever:
    """Both sides of a retrieval model, their dynamic tables, and the compiled step that moves all.

    Args:
        network: both sides in one, whose weights are published.
        query, candidate: the sides as `RetrievalModel.learning` has them, taken apart.
        objective: what is minimised.
        tables: those of both sides.
        optimiser: of the dense weights.
        candidates: that positives are told from.
        before_step: see `RetrievalModel`.
    """

    def __init__(
        self,
        network: keras.Model,
        query: Split,
        candidate: Split,
        objective: Trains,
        tables: DynamicTables,
        optimiser: keras.Optimizer,
        candidates: Candidates,
        before_step: Callable[[int], None] | None = None,
    ) -> None:
        self.network, self.objective, self.tables = network, objective, tables
        self.query, self.candidate = (compact(p, tables.groups) for p in (query, candidate))
        self.dense = DenseWeights([query.body, candidate.body], optimiser)
        self.candidates, self._before_step = candidates, before_step
        self.step = 0
        self._names = [[*field_specs(query)], [*field_specs(candidate)]]
        self._layout = Layout([self.query, self.candidate], tables.groups)
        self._fields = [field_specs(self.query), field_specs(self.candidate)]
        column = tf.TensorSpec((None,), tf.float32)
        ids = tf.TensorSpec((None,), tf.int64)
        signature = [*self._fields, self._layout.specs(), ids, candidates.spec, column]
        self._learn = CompiledStep(self._learn_step, signature)
        count = tf.TensorSpec((), tf.int32)
        self._compare = CompiledStep(
            self._compare_step, [*self._fields, self._layout.specs(), count]
        )

    def learn(self, batch: Batch) -> Retrieved | None:
        """Score the positives of the batch, then take one step on them; None if it has none."""
        self.candidates.see(batch.inputs)
        positives = batch.take(np.flatnonzero(batch.is_positive))
        if not len(positives):
            return None
        self.step += 1
        if self._before_step is not None:
            self._before_step(self.step)
        inputs, drawn = self._sampled(positives)
        rows = self.tables.locate(self.tables.keys(*self._reads(inputs)), self.step)
        vectors = self.tables.gather(rows)
        fields = [
            {name: part[name] for name in own}
            for own, part in zip(self._fields, inputs, strict=True)
        ]
        ids = inputs[1]["item_id"]
        loss, hits, finite, gradients = self._learn(*fields, vectors, ids, drawn, positives.weights)
        if is_finite := bool(finite):
            self.tables.learn(rows, vectors, as_arrays(gradients), self.step)
        self.tables.expire(self.step)
        return Retrieved(len(positives), float(loss), float(hits), is_finite)

    def similarities(
        self, query: Mapping[str, np.ndarray], candidate: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """(queries, candidates) inner products, of several interests the greatest; nothing changes.

        Args:
            query, candidate: inputs of the sides, (queries, ...) and (candidates, ...).
        """
        inputs = [dict(query), dict(candidate)]
        vectors = self.tables.gather(self.tables.find(self.tables.keys(*self._reads(inputs))))
        fields = [
            {name: part[name] for name in own}
            for own, part in zip(self._fields, inputs, strict=True)
        ]
        count = np.int32(len(query["user_id"]))
        return np.asarray(self._compare(*fields, vectors, count).numpy())

    def memory(self) -> dict[str, np.ndarray]:
        """State beside weights and tables, for a snapshot."""
        return self.candidates.state()

    def restore_memory(self, memory: Mapping[str, np.ndarray]) -> None:
        """Continue from `memory`."""
        self.candidates.restore(memory)

    def _sampled(self, positives: Batch) -> tuple[list[dict[str, np.ndarray]], np.ndarray]:
        """The inputs of both sides, and what the objective must know of the candidates."""
        query = {name: positives.inputs[name] for name in self._names[0]}
        candidates, drawn = self.candidates.of(positives, self._names[1], self.step)
        return [query, candidates], drawn

    def _reads(self, inputs: list[dict[str, np.ndarray]]) -> list[list[Read]]:
        return [
            [(lookup.table, part[lookup.field]) for lookup in split.lookups]
            for split, part in zip((self.query, self.candidate), inputs, strict=True)
        ]

    def _compare_step(self, query: Any, candidate: Any, flat: Any, count: Any) -> Any:
        vectors = self._layout.unpack(flat, rows=[count])
        queries = self.query.body({**query, **vectors[0]}, training=False)["query"]
        candidates = self.candidate.body({**candidate, **vectors[1]}, training=False)["candidate"]
        products = tf.matmul(queries, candidates, transpose_b=True)
        return products if products.shape.rank == 2 else tf.reduce_max(products, axis=1)

    def _learn_step(
        self, query: Any, candidate: Any, flat: Any, ids: Any, drawn: Any, weights: Any
    ) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(flat)
            vectors = self._layout.unpack(flat, rows=[tf.size(weights)])
            queries = self.query.body({**query, **vectors[0]}, training=True)
            candidates = self.candidate.body({**candidate, **vectors[1]}, training=True)
            loss = self.objective(queries, candidates, ids, drawn, weights)
            total = tf.add_n([loss, *self.query.body.losses])
        by_row, by_weight = tape.gradient(
            total, [flat, self.dense.tensors], unconnected_gradients="zero"
        )
        # Rows take the gradient of the sum, as the ranker's do.
        gradients = {group: tf.reduce_sum(weights) * part for group, part in by_row.items()}
        finite = self.dense.apply_if_finite(total, by_weight, list(gradients.values()))
        chosen = self.objective.queries(queries, candidates)
        return loss, _hit_rate(chosen, candidates["candidate"], ids), finite, gradients


def _hit_rate(queries: Any, candidates: Any, ids: Any) -> Any:
    """Share of queries whose positive is among the best `HIT_AT` distinct candidates."""
    scores = tf.matmul(queries, candidates, transpose_b=True)
    positive = tf.reduce_sum(queries * candidates[: tf.shape(queries)[0]], axis=1, keepdims=True)
    unique = tf.unique(ids)
    first = tf.math.unsorted_segment_min(tf.range(tf.size(ids)), unique.idx, tf.size(unique.y))
    better = tf.cast(tf.gather(scores, first, axis=1) > positive, tf.int32)
    return tf.reduce_mean(tf.cast(tf.reduce_sum(better, axis=1) < HIT_AT, tf.float32))
