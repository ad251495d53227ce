"""Outputs of a network by task, in a TensorFlow step: each row teaches its own task's."""

from typing import Any, NamedTuple

import tensorflow as tf

from millstream.domain.tasks import ONLY_TASK
from models.fields import Task


class Tasks(NamedTuple):
    """Tasks of a network, in the order of their places.

    Args:
        tasks: by whose names the network has an output each; of one task it is the only output.
        weights: in the loss, one for each.
    """

    tasks: tuple[Task, ...] = (Task(ONLY_TASK),)
    weights: tuple[float, ...] = (1.0,)


ONE_TASK = Tasks()


class Heads:
    """Losses and scores of rows by their tasks.

    Args:
        given: the tasks of the network.
    """

    def __init__(self, given: Tasks) -> None:
        self._tasks = given.tasks
        self._weights = list(given.weights)
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

    def losses(self, labels: Any, outputs: Any, tasks: Any) -> Any:
        """(rows,) log loss of a logit, or squared error of a number."""
        if not any(self._are_numbers):
            return tf.nn.sigmoid_cross_entropy_with_logits(labels, outputs)
        is_number = tf.gather(tf.constant(self._are_numbers), tasks)
        truths = tf.where(is_number, 0.0, labels)
        log_losses = tf.nn.sigmoid_cross_entropy_with_logits(truths, outputs)
        return tf.where(is_number, tf.square(labels - outputs), log_losses)

    def scores(self, outputs: Any, tasks: Any) -> Any:
        """(rows,) probabilities, or numbers."""
        if not any(self._are_numbers):
            return tf.sigmoid(outputs)
        is_number = tf.gather(tf.constant(self._are_numbers), tasks)
        return tf.where(is_number, outputs, tf.sigmoid(outputs))
