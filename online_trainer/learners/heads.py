"""Outputs of a network by task, in a TensorFlow step: each row teaches its own task's.

A multi-class task has an output z_c for each class. The softmax's log loss of class y is the log
loss, with label 1, of the logit

    z_y - log(sum over c other than y of exp(z_c))

so that each row has one logit, whatever its task is.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from millstream.domain.tasks import ONLY_TASK
from models.fields import Task
from models.losses.delayed_feedback import LOSSES as DELAYED
from models.losses.delayed_feedback import Delayed, es_dfm
from models.task_names import outputs_of

# Of late positives, and of real negatives: (rows,) each.
Shares = tuple[Any, Any]
_NO_CLASS = -1e30


class Tasks(NamedTuple):
    """Tasks of a network, in the order of their places.

    Args:
        tasks: by the names of whose outputs the network has them; one alone is the only output.
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
        self._have_classes = [task.kind == "multiclass" for task in given.tasks]
        self._names = [output.name for output in outputs_of(given.tasks)]
        sizes = [len(task.outputs) for task in given.tasks]
        self._first = np.cumsum([0, *sizes[:-1]]).astype(np.int32)
        self._last = (self._first + sizes - 1).astype(np.int32)

    def own(self, outputs: Any, tasks: Any, labels: Any) -> Any:
        """(rows,) output of each row's task: of several classes the logit of the row's own one.

        Args:
            outputs: of the network, (rows, 1), by name where there are several.
            tasks: (rows,) places.
            labels: (rows,) of which those of a multi-class task are read.
        """
        if len(self._tasks) == 1:
            return tf.reshape(outputs, [-1])
        columns = self._columns(outputs)
        if not any(self._have_classes):
            return tf.gather(columns, tasks, batch_dims=1)
        own, others = self._of_class(columns, tasks, labels)
        logits = own - tf.reduce_logsumexp(others, axis=1)
        return tf.where(self._is_class(tasks), logits, own)

    def _columns(self, outputs: Any) -> Any:
        return tf.concat([outputs[name] for name in self._names], axis=1)

    def _is_class(self, tasks: Any) -> Any:
        return tf.gather(tf.constant(self._have_classes), tasks)

    def _of_class(self, columns: Any, tasks: Any, labels: Any) -> tuple[Any, Any]:
        """(rows,) output of each row's label, and (rows, outputs) those of its other classes."""
        first, last = (tf.gather(ends, tasks) for ends in (self._first, self._last))
        place = tf.where(self._is_class(tasks), tf.cast(labels, tf.int32), 0)
        place = tf.clip_by_value(first + place, first, last)
        numbers = tf.range(len(self._names))[None, :]
        are_others = (numbers >= first[:, None]) & (numbers <= last[:, None])
        are_others &= numbers != place[:, None]
        own = tf.gather(columns, place, batch_dims=1)
        return own, tf.where(are_others, columns, _NO_CLASS)

    def truths(self, labels: Any, tasks: Any) -> Any:
        """(rows,) labels by which rows of an event are told apart: those of classes are not."""
        if not any(self._have_classes):
            return labels
        return tf.where(self._is_class(tasks), 0.0, labels)

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
        """(rows,) log loss of a logit (of `own`), or squared error of a number.

        Args:
            is_shown: (rows,) bool: whose negatives may be corrected later.
            shares: of late positives, and of real negatives, (rows,) each; where a task wants them.
        """
        if any(self._have_classes):
            labels = tf.where(self._is_class(tasks), 1.0, labels)
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

    def scores(self, logits: Any, outputs: Any, tasks: Any, labels: Any) -> Any:
        """(rows,) probabilities, or numbers.

        Of several classes it is the probability of the row's own one; with a minus where another
        one is likelier.

        Args:
            logits: of `own`, (rows,).
            outputs, tasks, labels: as `own` takes them.
        """
        scores = tf.sigmoid(logits)
        if any(self._have_classes):
            own, others = self._of_class(self._columns(outputs), tasks, labels)
            is_missed = self._is_class(tasks) & (tf.reduce_max(others, axis=1) > own)
            scores = tf.where(is_missed, -scores, scores)
        if not any(self._are_numbers):
            return scores
        is_number = tf.gather(tf.constant(self._are_numbers), tasks)
        return tf.where(is_number, logits, scores)
