"""The ranker learns online: how likely is a positive, given user, item and context?

Rows of embeddings take the gradient of the *sum* of the losses, dense weights that of their mean. A
row that is rare in the batch then moves as far in a large batch as in a small one.

Negatives may be a sample: where a share r of them is kept, the odds of a positive are 1 / r times
as high as they are without sampling. With the correction the log loss is that of z - log r, so that
the network's own logit z learns the odds before sampling.

Of a network with several tasks each row teaches the output of its own: by the log loss, by the
squared error where the task is a number, or by the log loss of a softmax over its classes. What
tasks share learns from all of them, each weighted.

Reference: King & Zeng, Political Analysis 9(2), 2001,
https://doi.org/10.1093/oxfordjournals.pan.a004868, prior correction, here row by row.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from models.compact import compact
from models.split import Split
from online_trainer.embeddings.tables import DynamicTables, Read
from online_trainer.learners.batch import Batch
from online_trainer.learners.compiled import CompiledStep
from online_trainer.learners.dense import DenseWeights, differs_in_training
from online_trainer.learners.heads import ONE_TASK, Heads, Shares, Tasks
from online_trainer.learners.late_shares import LateShares, features_of, width_of
from online_trainer.learners.objective import POINTWISE, Objective, taught
from online_trainer.learners.position_bias import UNKNOWN, PositionBias
from online_trainer.learners.vectors import Layout, as_arrays, field_specs


class Learnt(NamedTuple):
    """Result of one step.

    Args:
        scores: (rows,) by each row's task: probabilities of a positive in the sample, numbers, or
            what `Heads.scores` gives of a class; before the labels were learnt from.
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
        position_dropout: share of shown items whose place is hidden while it is learnt from; None
            hides all of them.
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
        position_dropout: float | None = None,
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
        self._late = self._late_shares() if self._heads.wants_shares else None
        self._places = (
            None if position_dropout is None else PositionBias(len(self.tasks), position_dropout)
        )
        column = tf.TensorSpec((None,), tf.float32)
        given = (self._fields, self._layout.specs())
        flags, places = tf.TensorSpec((None,), tf.bool), tf.TensorSpec((None,), tf.int32)
        given_rows = [column, places, column, column, column, flags, flags, places, places]
        self._learn = CompiledStep(self._learn_step, [*given, *given_rows])
        self._score = CompiledStep(self._score_step, [*given, column, places, column])

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
            batch.is_late,
            batch.groups,
            self._visible(batch),
        )
        if is_finite := bool(finite):
            self.tables.learn(rows, vectors, as_arrays(gradients), self.step)
        self.tables.expire(self.step)
        return Learnt(scores.numpy(), float(loss), is_finite)

    def score(self, batch: Batch) -> np.ndarray:
        """(rows,) scores by each row's task, as of `Learnt`; nothing changes."""
        rows = self.tables.find(self.tables.keys(self._reads(batch)))
        given = self._inputs(batch), self.tables.gather(rows), self._shift(batch)
        return self._score(*given, batch.tasks, batch.labels).numpy()

    def memory(self) -> dict[str, np.ndarray]:
        """State beside weights and tables, for a snapshot: what training alone has."""
        return {name: each for own in self._asides for name, each in own.memory().items()}

    def restore_memory(self, memory: Mapping[str, np.ndarray]) -> None:
        """Continue from `memory`."""
        for own in self._asides:
            own.restore(memory)

    @property
    def aside_variables(self) -> list[Any]:
        """TensorFlow variables of what training alone has."""
        return [variable for own in self._asides for variable in own.variables]

    @property
    def _asides(self) -> list[LateShares | PositionBias]:
        return [own for own in (self._late, self._places) if own is not None]

    def _late_shares(self) -> LateShares:
        names = {use.input_name for use in self.parts.lookups}
        shapes = (self.body.input[name].shape[1:] for name in names)
        return LateShares(len(self.tasks), width_of(shapes))

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
        is_late: Any,
        groups: Any,
        positions: Any,
    ) -> Any:
        given = inputs, flat, shift, tasks, labels
        scored = self._logits(*given, training=False) if self._scores_apart else None
        weights = self._heads.weighted(weights, tasks)
        with tf.GradientTape() as tape:
            tape.watch(flat)
            trained = self._logits(*given, training=True)
            logits = trained[0] + self._bias(positions, tasks)
            shares = self._shares(flat, logits, tasks, labels, is_shown, is_late)
            losses = self._heads.losses(labels, logits, tasks, is_shown, shares)
            total = tf.reduce_sum(weights * losses)
            truths = self._heads.truths(labels, tasks)
            own = taught(
                self._objective, losses, logits - shift, truths, log_odds, is_shown, groups
            )
            minimised = tf.reduce_sum(weights * own)
            # What layers add (a mean over rows) counts as much beside the mean of the loss.
            whole = tf.add_n(
                [minimised, *(tf.reduce_sum(weights) * added for added in self.body.losses)]
            )
        by_row, by_weight, by_place = tape.gradient(
            whole,
            [flat, self.dense.tensors, [p.tensor for p in self._biases]],
            unconnected_gradients="zero",
        )
        share = tf.math.reciprocal(tf.maximum(tf.reduce_sum(weights), 1e-12))
        finite = self.dense.apply_if_finite(
            whole, [share * gradient for gradient in by_weight], list(by_row.values())
        )
        for bias, gradient in zip(self._biases, by_place, strict=True):
            bias.learn(gradient, finite)
        scores = self._heads.scores(*(trained if scored is None else scored), tasks, labels)
        return scores, total * share, finite, by_row

    @property
    def _biases(self) -> list[PositionBias]:
        return [] if self._places is None else [self._places]

    def _visible(self, batch: Batch) -> np.ndarray:
        """(rows,) places that are learnt with."""
        given = np.where(batch.is_number, UNKNOWN, batch.positions)
        return given if self._places is None else self._places.visible(given, self.step)

    def _bias(self, positions: Any, tasks: Any) -> Any:
        return 0.0 if self._places is None else self._places.of(positions, tasks)

    def _shares(
        self, flat: Any, logits: Any, tasks: Any, labels: Any, is_shown: Any, is_late: Any
    ) -> Shares | None:
        """Shares of late positives where a task wants them, learnt from after they were given."""
        if self._late is None:
            return None
        (vectors,) = self._layout.unpack(flat)
        features = features_of(logits, list(vectors.values()))
        shares = self._late.shares(features, tasks)
        counts = is_shown & self._heads.have("es_dfm", tasks)
        self._late.learn(features, tasks, labels, is_late, counts)
        return shares

    def _score_step(self, inputs: Any, flat: Any, shift: Any, tasks: Any, labels: Any) -> Any:
        found = self._logits(inputs, flat, shift, tasks, labels, training=False)
        return self._heads.scores(*found, tasks, labels)

    def _logits(
        self, inputs: Any, flat: Any, shift: Any, tasks: Any, labels: Any, *, training: bool
    ) -> tuple[Any, Any]:
        """(rows,) logit or number of each row's task; and all that the network gives."""
        (vectors,) = self._layout.unpack(flat)
        outputs = self.body({**inputs, **vectors}, training=training)
        return self._heads.own(outputs, tasks, labels) + shift, outputs
