"""Outputs of a network by task, in a TensorFlow step: each row teaches its own task's."""

from typing import Any, NamedTuple

import tensorflow as tf

from millstream.domain.tasks import ONLY_TASK
from models.fields import Task
from models.losses.delayed_feedback import LOSSES as DELAYED
from models.losses.delayed_feedback import Delayed, es_dfm

# Of late positives, and of real negatives: (rows,) each.
Shares = tuple[Any, Any]


class Tasks(NamedTuple):
    """Tasks of a network, in the order of their places.

    Args:
        tasks: by whose names the network has an output each; of one task it is the only output.
        weights: in the loss, one for each.
        delayed: losses of shown items, one for each; see `models.losses.delayed_feedback`.
    """

    tasks: tuple[Task, ...] = (Task(ONLY_TASK),)
    weights: tuple[float, ...] = (1.0,)
    delayed: tuple[Delayed, ...] = ("none",)


ONE_TASK = Tasks()


class Heads:
    """Losses and scores of rows by their tasks.

    Args:
        given: the tasks of the network.
    """

    def __init__(self, given: Tasks) -> None:
        self._tasks = given.tasks
        self._weights = list(given.weights)
        self._delayed = given.delayed
        self._are_numbers = [task.kind == "regression" for task in given.tasks]

    def own(self, outputs: Any, tasks: Any) -> Any:
        """(rows,) output of each row's task.

        Args:
            outputs: of the network, (rows, 1), by name where there are several.
            tasks: (rows,) places.
        """
        if len(self._tasks) == 1:
            return tf.reshape(outputs, [-1])
        columns = tf.concat([outputs[task.name] for task in self._tasks], axis=1)
        return tf.gather(columns, tasks, batch_dims=1)

    def weighted(self, weights: Any, tasks: Any) -> Any:
        """(rows,) weights of rows, times those of their tasks."""
        if all(weight == 1.0 for weight in self._weights):
            return weights
        return weights * tf.gather(tf.constant(self._weights, tf.float32), tasks)

    @property
    def wants_shares(self) -> bool:
        """True if a task has the loss that needs `shares`."""
        return "es_dfm" in self._delayed

    def have(self, delayed: Delayed, tasks: Any) -> Any:
        """(rows,) bool: whose task has this loss."""
        return tf.gather(tf.constant([each == delayed for each in self._delayed]), tasks)

    def losses(
        self, labels: Any, outputs: Any, tasks: Any, is_shown: Any, shares: Shares | None = None
    ) -> Any:
        """(rows,) log loss of a logit, or squared error of a number.

        Args:
            is_shown: (rows,) bool: whose negatives may be corrected later.
            shares: of late positives, and of real negatives, (rows,) each; where a task wants them.
        """
        if not any(self._are_numbers):
            return self._log_losses(labels, outputs, tasks, is_shown, shares)
        is_number = tf.gather(tf.constant(self._are_numbers), tasks)
        truths = tf.where(is_number, 0.0, labels)
        log_losses = self._log_losses(truths, outputs, tasks, is_shown, shares)
        return tf.where(is_number, tf.square(labels - outputs), log_losses)

    def _log_losses(
        self, labels: Any, logits: Any, tasks: Any, is_shown: Any, shares: Shares | None
    ) -> Any:
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
        for name in sorted(set(self._delayed) & DELAYED.keys()):
            own = DELAYED[name](labels, logits)
            losses = tf.where(self.have(name, tasks) & is_shown, own, losses)
        if shares is not None:
            own = es_dfm(labels, logits, *shares)
            losses = tf.where(self.have("es_dfm", tasks) & is_shown, own, losses)
        return losses

    def scores(self, outputs: Any, tasks: Any) -> Any:
        """(rows,) probabilities, or numbers."""
        if not any(self._are_numbers):
            return tf.sigmoid(outputs)
        is_number = tf.gather(tf.constant(self._are_numbers), tasks)
        return tf.where(is_number, outputs, tf.sigmoid(outputs))
