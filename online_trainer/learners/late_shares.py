"""Shares of late positives that the weights of ES-DFM need, learnt from the same stream.

By task, of the shown items x of which some are corrected: d(x), the probability of a positive after
the wait, and r(x), the share of negatives at the end of the wait that stay negatives. In the stream
each item comes once at the end of its wait at the latest, and once more as a late positive with
probability d. So the odds of a late row against all others are d, and against the negatives 1 - r:

    d(x) = min(exp(w_d . f(x)), 1)        1 - r(x) = min(exp(w_r . f(x)), 1)

with two logistic models over f: 1, log p(x) by the ranker, and its embeddings, held still. Nothing
has to be held back until all positives of a time are in. The paper's two classifiers learn the same
shares from data so old that they are (Yang et al., AAAI 2021, https://arxiv.org/abs/2012.03245,
where they are f_dp and f_rn).
"""

from collections.abc import Iterable, Mapping, Sequence
from math import log, prod
from typing import Any

import numpy as np
import tensorflow as tf

# Before anything is learnt: few positives are late.
FIRST_SHARE = 0.05
RATE, FIRST_SQUARE = 0.1, 1e-2
LATE, FAKE = range(2)


class LateShares:
    """Two logistic models a task, moved by Adagrad in the step that uses them.

    Args:
        tasks: how many.
        width: of the embeddings of a row, see `width_of`.

    Attributes:
        variables: all of its state.
    """

    def __init__(self, tasks: int, width: int) -> None:
        first = np.zeros((2, tasks, 2 + width), np.float32)
        first[:, :, 0] = log(FIRST_SHARE)
        self._weights = tf.Variable(first, trainable=False, name="late_shares")
        squares = np.full_like(first, FIRST_SQUARE)
        self._squares = tf.Variable(squares, trainable=False, name="late_squares")
        self.variables = (self._weights, self._squares)

    def shares(self, features: Any, tasks: Any) -> tuple[Any, Any]:
        """(rows,) d and r of rows by their tasks.

        Args:
            features: (rows, 2 + width), see `features_of`.
        """
        odds = tf.minimum(tf.exp(self._logits(features, tasks)), 1.0)
        return odds[LATE], 1.0 - odds[FAKE]

    def learn(self, features: Any, tasks: Any, labels: Any, is_late: Any, counts: Any) -> None:
        """Take one step on rows.

        Args:
            labels: (rows,) 1 or 0, as the rows came.
            is_late: (rows,) bool: positives that came after their wait.
            counts: (rows,) bool: rows that there is something to learn from.
        """
        truth = tf.cast(is_late, tf.float32)
        of_late = tf.cast(counts, tf.float32)
        of_fake = of_late * tf.cast(is_late | (labels < 0.5), tf.float32)
        given = tf.stack([of_late, of_fake])
        errors = given * (tf.sigmoid(self._logits(features, tasks)) - truth)
        by_task = tf.one_hot(tasks, self._weights.shape[1])
        gradient = tf.einsum("mr,rt,rf->mtf", errors, by_task, features)
        rows = tf.einsum("mr,rt->mt", given, by_task)[..., tf.newaxis]
        gradient = tf.where(tf.math.is_finite(gradient), gradient, 0.0) / tf.maximum(rows, 1.0)
        self._squares.assign_add(tf.square(gradient))
        self._weights.assign_sub(RATE * gradient / tf.sqrt(self._squares))

    def memory(self) -> dict[str, np.ndarray]:
        """State for a snapshot."""
        return {
            "late_shares": self._weights.numpy(),
            "late_squares": self._squares.numpy(),
        }

    def restore(self, memory: Mapping[str, np.ndarray]) -> None:
        """Continue from `memory`; from the beginning where it is of other inputs or tasks."""
        for name, own in (("late_shares", self._weights), ("late_squares", self._squares)):
            if name in memory and memory[name].shape == tuple(own.shape):
                own.assign(memory[name])

    def _logits(self, features: Any, tasks: Any) -> Any:
        """(2, rows)."""
        own = tf.gather(self._weights, tasks, axis=1)
        return tf.reduce_sum(own * features, axis=-1)


def width_of(shapes: Iterable[Sequence[int]]) -> int:
    """Width of the embeddings of a row.

    Args:
        shapes: of each, without the batch.

    >>> width_of([(8,), (20, 4)])
    88
    """
    return sum(map(prod, shapes))


def features_of(logits: Any, vectors: Sequence[Any]) -> Any:
    """(rows, 2 + width): 1, log p of the ranker's logits, and the embeddings; without a gradient.

    Args:
        logits: (rows,).
        vectors: (rows, ...) each.
    """
    flat = [tf.reshape(each, [-1, prod(each.shape[1:])]) for each in vectors]
    own = tf.stack([tf.ones_like(logits), -tf.nn.softplus(-logits)], axis=1)
    return tf.stop_gradient(tf.concat([own, *flat], axis=1))
