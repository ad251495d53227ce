"""Training of a network with several heads, offline, by any balance of its losses.

What an online trainer needs of it is elsewhere: `losses.task_losses` (NaN leaves a row out),
`tasks.head`, and a `Balance` with its `state`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.evaluation.figures import figures
from models.fields import Task
from models.layers.field_embedding import FieldEmbedding
from models.multi_task.balance import Balance, Measured
from models.multi_task.losses import task_losses
from models.multi_task.uncertainty import Uncertainty

SCORED_ROWS = 8192

Columns = Mapping[str, np.ndarray]


class MultiTaskLearner:
    """A network, its tasks, and the step that moves all weights.

    Args:
        model: {field: ...} -> {task: (batch, 1)}.
        tasks: those that are learnt, in the order of a balance's weights.
        balance: what each loss counts; `Uncertainty` learns it with the network.
        learning_rate: of Adam.
        batch_size: rows of a step.
        seed: of the order of rows.
    """

    def __init__(
        self,
        model: keras.Model,
        tasks: Sequence[Task],
        balance: Balance | Uncertainty,
        *,
        learning_rate: float = 1e-3,
        batch_size: int = 1024,
        seed: int = 0,
    ) -> None:
        self.model, self.tasks, self.balance = model, tuple(tasks), balance
        self.batch_size = batch_size
        self._rng = np.random.default_rng(seed)
        learnt = model.trainable_variables
        if isinstance(balance, Uncertainty):
            balance.build((len(self.tasks),))
            learnt = [*learnt, balance.s]
        self._learnt = learnt
        self.optimiser = keras.optimizers.Adam(learning_rate)
        self.optimiser.build(learnt)
        self._shared: list[int] | None = None
        self._score = tf.function(partial(model, training=False), reduce_retracing=True)
        self._weighed = tf.function(self._weighed_step, reduce_retracing=True, autograph=False)
        self._apart = tf.function(self._gradients_apart, reduce_retracing=True, autograph=False)
        self._together = tf.function(self._apply_together, autograph=False)

    def fit(
        self,
        x: Columns,
        labels: Columns,
        *,
        epochs: int = 1,
        valid: tuple[Columns, Columns] | None = None,
    ) -> list[np.ndarray]:
        """Learn in epochs; the mean losses of each, (tasks,).

        Args:
            x: by field, aligned.
            labels: by task, (n,) each; NaN where a row is not of the task's sample space.
            valid: inputs and labels whose AUC a balance is told after each epoch; the training
                rows where they are missing.
        """
        history = []
        for _ in range(epochs):
            order = self._rng.permutation(len(next(iter(x.values()))))
            losses = [
                self.step(*(_at(columns, order[start : start + self.batch_size])
                            for columns in (x, labels)))
                for start in range(0, len(order), self.batch_size)
            ]  # fmt: skip
            history.append(np.mean(losses, axis=0))
            if not isinstance(self.balance, Uncertainty):
                areas = self._areas(*(valid or (x, labels))) if self.balance.follows else None
                self.balance.end_epoch(history[-1], areas)
        return history

    def step(self, x: Columns, labels: Columns) -> np.ndarray:
        """One step on a batch; its losses before it, (tasks,)."""
        inputs = {name: tf.convert_to_tensor(x[name]) for name in self.model.input}
        wanted = {t.name: tf.convert_to_tensor(labels[t.name], tf.float32) for t in self.tasks}
        balance = self.balance
        if isinstance(balance, Uncertainty):
            return self._weighed(inputs, wanted, None).numpy()
        if balance.reads is None:
            weights = tf.convert_to_tensor(balance.weights(None), tf.float32)
            return self._weighed(inputs, wanted, weights).numpy()
        if self._shared is None:
            self._shared = self._shared_weights(inputs, wanted, balance.reads)
        losses, gradients, gram = self._apart(inputs, wanted)
        measured = Measured(losses.numpy().astype(float), gram.numpy().astype(float))
        self._together(gradients, tf.convert_to_tensor(balance.weights(measured), tf.float32))
        return losses.numpy()

    def predict(self, x: Columns) -> dict[str, np.ndarray]:
        """By task, (n,): probabilities, or numbers."""
        rows = len(next(iter(x.values())))
        parts = [
            self._score({n: x[n][start : start + SCORED_ROWS] for n in self.model.input})
            for start in range(0, rows, SCORED_ROWS)
        ]
        found = {t: np.concatenate([p[t.name] for p in parts])[:, 0] for t in self.tasks}
        return {t.name: _probability(s) if t.kind == "binary" else s for t, s in found.items()}

    def figures(self, x: Columns, labels: Columns) -> dict[str, dict[str, float]]:
        """By task: what `models.evaluation.figures` has for a binary one, `rmse` for a number.

        Rows that are not of a task's sample space are left out of its figures.
        """
        scores = self.predict(x)
        out = {}
        for task in self.tasks:
            counts = ~np.isnan(labels[task.name])
            y, p = labels[task.name][counts], scores[task.name][counts]
            if task.kind == "binary":
                out[task.name] = figures(y, p, None, 10)
            else:
                out[task.name] = {"rmse": float(np.sqrt(np.mean(np.square(y - p))))}
        return out

    def _areas(self, x: Columns, labels: Columns) -> np.ndarray:
        """(tasks,) AUC; of a number one half."""
        found = self.figures(x, labels)
        return np.array([found[task.name].get("auc", 0.5) for task in self.tasks])

    def _losses(self, x: Any, labels: Any) -> list[Any]:
        return task_losses(self.tasks, self.model(x, training=True), labels)

    def _weighed_step(self, x: Any, labels: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            losses = tf.stack(self._losses(x, labels))
            if isinstance(self.balance, Uncertainty):
                total = self.balance(losses)
            else:
                total = tf.reduce_sum(weights * losses)
            total = tf.add_n([total, *self.model.losses])
        learnt = [weight.value for weight in self._learnt]
        gradients = tape.gradient(total, learnt, unconnected_gradients="zero")
        self.optimiser.apply(gradients, self._learnt)
        return losses

    def _gradients_apart(self, x: Any, labels: Any) -> Any:
        """Losses, gradients of each for all weights, inner products for the shared ones."""
        learnt = [weight.value for weight in self._learnt]
        with tf.GradientTape(persistent=True) as tape:
            losses = self._losses(x, labels)
        by_task = [tape.gradient(loss, learnt, unconnected_gradients="zero") for loss in losses]
        stacked = [tf.stack(parts) for parts in zip(*by_task, strict=True)]
        flat = [tf.reshape(stacked[i], (len(self.tasks), -1)) for i in self._shared or []]
        joined = tf.concat(flat, axis=1)
        return tf.stack(losses), stacked, tf.matmul(joined, joined, transpose_b=True)

    def _apply_together(self, gradients: Any, weights: Any) -> None:
        total = [tf.tensordot(weights, each, axes=1) for each in gradients]
        self.optimiser.apply(total, self._learnt)

    def _shared_weights(self, x: Any, labels: Any, reads: str) -> list[int]:
        """Places of the weights that every task moves: those of layers, or tables without any."""
        learnt = [weight.value for weight in self._learnt]
        with tf.GradientTape(persistent=True) as tape:
            losses = self._losses(x, labels)
        moved = [[g is not None for g in tape.gradient(loss, learnt)] for loss in losses]
        shared = [i for i, by in enumerate(zip(*moved, strict=True)) if all(by)]
        tables = {
            id(layer.embeddings) for layer in self.model.layers if isinstance(layer, FieldEmbedding)
        }
        layers = [i for i in shared if id(self._learnt[i]) not in tables] or shared
        kernels = [i for i in layers if len(learnt[i].shape) >= 2] or layers
        return kernels[-1:] if reads == "last" else layers


def _at(columns: Columns, rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: column[rows] for name, column in columns.items()}


def _probability(logits: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64)))
