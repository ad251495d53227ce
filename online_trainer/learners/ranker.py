"""The ranker learns online: how likely is a positive, given user, item and context?

Rows of embeddings take the gradient of the *sum* of the losses, dense weights that of their mean. A
row that is rare in the batch then moves as far in a large batch as in a small one.

An event's own item and the negatives that were drawn for it are told apart within the event
(`models/losses/within_event.py`): that teaches the order of a list. The log loss of each row beside
it keeps the scores probabilities. Rows of shown lists have the log loss alone, with its full
weight. What was met without a list and not liked was chosen all the same: it counts no more than a
negative that was drawn. Where no event of a batch has negatives, each row counts in full.

Negatives may be a sample: where a share r of them is kept, the odds of a positive are 1 / r times
as high as they are without sampling. With the correction the log loss is that of z - log r, so that
the network's own logit z learns the odds before sampling.

Of a network with several tasks each row teaches the output of its own: by the log loss, or by the
squared error where the task is a number. What tasks share learns from all of them, each weighted.

Reference: King & Zeng, Political Analysis 9(2), 2001,
https://doi.org/10.1093/oxfordjournals.pan.a004868, prior correction, here row by row.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from models.compact import compact
from models.losses.within_event import LOSSES, WithinEvent, contrasted
from models.split import Split
from online_trainer.embeddings.tables import DynamicTables, Read
from online_trainer.learners.batch import Batch
from online_trainer.learners.compiled import CompiledStep
from online_trainer.learners.dense import DenseWeights, differs_in_training
from online_trainer.learners.heads import ONE_TASK, Heads, Tasks
from online_trainer.learners.vectors import Layout, as_arrays, field_specs


class Objective(NamedTuple):
    """What a step minimises.

    Args:
        within_event: the loss among the rows of an event; None is the log loss of each row alone.
        pointwise_share: weight of the log loss beside it, of all rows but those of shown lists,
            where there is something to tell apart.
    """

    within_event: WithinEvent | None = "softmax"
    pointwise_share: float = 0.2


POINTWISE = Objective(within_event=None)


class Learnt(NamedTuple):
    """Result of one step.

    Args:
        scores: (rows,) by each row's task: probabilities of a positive in the sample, or numbers;
            given before the labels were learnt from.
        loss: weighted mean of the log loss, or squared error.
        is_finite: False where the batch was refused; the weights are as they were.
    """

    scores: np.ndarray
    loss: float
    is_finite: bool


class Ranker:
    """A ranking network, its dynamic tables, and the compiled step that moves both.

    Args:
        network: whose weights are published.
        parts: the network, taken apart.
        tables: all of `parts.tables`.
        optimiser: of the dense weights.
        objective: what a step minimises.
        tasks: of the network.
        corrects_sampling: whether scores and log losses are those of z - log r.
    """

    def __init__(
        self,
        network: keras.Model,
        parts: Split,
        tables: DynamicTables,
        optimiser: keras.Optimizer,
        objective: Objective = POINTWISE,
        tasks: Tasks = ONE_TASK,
        *,
        corrects_sampling: bool = False,
    ) -> None:
        self.network, self.tables = network, tables
        self.parts = compact(parts, tables.groups)
        self.body = self.parts.body
        self.dense = DenseWeights([parts.body], optimiser)
        self.step = 0
        self.tasks = tasks.tasks
        self._objective, self._corrects_sampling = objective, corrects_sampling
        self._heads = Heads(tasks)
        self._layout = Layout([self.parts], tables.groups)
        self._fields = field_specs(self.parts)
        self._scores_apart = differs_in_training(self.body)
        column = tf.TensorSpec((None,), tf.float32)
        given = (self._fields, self._layout.specs())
        flags, places = tf.TensorSpec((None,), tf.bool), tf.TensorSpec((None,), tf.int32)
        taught = [column, places, column, column, column, flags, places]
        self._learn = CompiledStep(self._learn_step, [*given, *taught])
        self._score = CompiledStep(self._score_step, [*given, column, places])

    def learn(self, batch: Batch) -> Learnt:
        """Score the batch, then take one step on it."""
        self.step += 1
        rows = self.tables.locate(self.tables.keys(self._reads(batch)), self.step)
        vectors = self.tables.gather(rows)
        scores, loss, finite, gradients = self._learn(
            self._inputs(batch),
            vectors,
            self._shift(batch),
            batch.tasks,
            batch.labels,
            batch.weights,
            batch.log_odds,
            batch.is_shown | batch.is_number,
            batch.groups,
        )
        if is_finite := bool(finite):
            self.tables.learn(rows, vectors, as_arrays(gradients), self.step)
        self.tables.expire(self.step)
        return Learnt(scores.numpy(), float(loss), is_finite)

    def score(self, batch: Batch) -> np.ndarray:
        """(rows,) scores by each row's task, as of `Learnt`; nothing changes."""
        rows = self.tables.find(self.tables.keys(self._reads(batch)))
        given = self._inputs(batch), self.tables.gather(rows), self._shift(batch), batch.tasks
        return self._score(*given).numpy()

    def memory(self) -> dict[str, np.ndarray]:
        """State beside weights and tables, for a snapshot: none."""
        return {}

    def restore_memory(self, memory: Mapping[str, np.ndarray]) -> None:
        """Continue from `memory`."""

    def _reads(self, batch: Batch) -> list[Read]:
        return [(lookup.table, batch.inputs[lookup.field]) for lookup in self.parts.lookups]

    def _inputs(self, batch: Batch) -> dict[str, np.ndarray]:
        return {name: batch.inputs[name] for name in self._fields}

    def _shift(self, batch: Batch) -> np.ndarray:
        """-log r of each row, or zeros."""
        return -batch.log_kept() if self._corrects_sampling else np.zeros(len(batch), np.float32)

    def _learn_step(
        self,
        inputs: Any,
        flat: Any,
        shift: Any,
        tasks: Any,
        labels: Any,
        weights: Any,
        log_odds: Any,
        is_shown: Any,
        groups: Any,
    ) -> Any:
        given = inputs, flat, shift, tasks
        scored = self._logits(*given, training=False) if self._scores_apart else None
        weights = self._heads.weighted(weights, tasks)
        with tf.GradientTape() as tape:
            tape.watch(flat)
            logits = self._logits(*given, training=True)
            losses = self._heads.losses(labels, logits, tasks, is_shown)
            total = tf.reduce_sum(weights * losses)
            minimised = tf.reduce_sum(
                weights * self._taught(losses, logits - shift, labels, log_odds, is_shown, groups)
            )
            # What layers add (a mean over rows) counts as much beside the mean of the loss.
            taught = tf.add_n(
                [minimised, *(tf.reduce_sum(weights) * own for own in self.body.losses)]
            )
        by_row, by_weight = tape.gradient(
            taught, [flat, self.dense.tensors], unconnected_gradients="zero"
        )
        share = tf.math.reciprocal(tf.maximum(tf.reduce_sum(weights), 1e-12))
        finite = self.dense.apply_if_finite(
            taught, [share * gradient for gradient in by_weight], list(by_row.values())
        )
        scores = self._heads.scores(logits if scored is None else scored, tasks)
        return scores, total * share, finite, by_row

    def _taught(
        self,
        losses: Any,
        logits: Any,
        labels: Any,
        log_odds: Any,
        is_shown: Any,
        groups: Any,
    ) -> Any:
        """(rows,) what is minimised: the log `losses`, and the order of `logits` within events."""
        kind, share = self._objective
        if kind is None:
            return losses
        told_apart = contrasted(labels, groups)
        share = tf.where(tf.reduce_any(told_apart), share, 1.0)
        alone = tf.where(is_shown & ~told_apart, 1.0, share) * losses
        return alone + LOSSES[kind](logits - log_odds, labels, groups)

    def _score_step(self, inputs: Any, flat: Any, shift: Any, tasks: Any) -> Any:
        return self._heads.scores(self._logits(inputs, flat, shift, tasks, training=False), tasks)

    def _logits(self, inputs: Any, flat: Any, shift: Any, tasks: Any, *, training: bool) -> Any:
        """(rows,) what each row's task gives: a logit, or a number."""
        (vectors,) = self._layout.unpack(flat)
        outputs = self.body({**inputs, **vectors}, training=training)
        return self._heads.own(outputs, tasks) + shift
