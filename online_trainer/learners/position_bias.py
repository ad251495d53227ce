"""Bias of the place that an item was shown at, in training alone.

What stands first is answered more often because it stands first. While the ranker learns from a
shown item, its logit z is

    z + m b[task, place],    m = 0 with probability `dropout`, else 1

and when lists are ranked, and in progressive metrics, it is z. The places' share of the answers
goes into b; rows whose place is hidden keep z from leaving the level of the answers to it.

Reference: Zhao et al., RecSys 2019, https://doi.org/10.1145/3298689.3346997, section 4.3: a shallow
tower for the selection bias, its position dropped in 10 % of the examples.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

# Places further down share one bias.
PLACES = 64
UNKNOWN = -1
RATE = 0.1


class PositionBias:
    """A bias for each task and place, moved by Adagrad.

    Args:
        tasks: how many.
        dropout: share of examples whose place is hidden.

    Attributes:
        variables: all of its state.
    """

    def __init__(self, tasks: int, dropout: float) -> None:
        self._dropout = dropout
        self.tensor = tf.Variable(np.zeros((tasks, PLACES), np.float32), name="position_bias")
        self._squares = tf.Variable(np.full((tasks, PLACES), 1e-2, np.float32), trainable=False)
        self.variables = (self.tensor, self._squares)

    def visible(self, positions: np.ndarray, step: int) -> np.ndarray:
        """(rows,) places of which some are hidden, the same ones whenever the step is taken."""
        is_hidden = np.random.default_rng(step).random(len(positions)) < self._dropout
        hidden = np.where(is_hidden, UNKNOWN, np.minimum(positions, PLACES - 1))
        return hidden.astype(np.int32)

    def of(self, positions: Any, tasks: Any) -> Any:
        """(rows,) what is added to logits; 0 where the place is not known."""
        places = tf.stack([tasks, tf.maximum(positions, 0)], axis=1)
        return tf.where(positions >= 0, tf.gather_nd(self.tensor, places), 0.0)

    def learn(self, gradient: Any, finite: Any) -> None:
        """Take one step, where the step of the ranker was `finite`."""
        gradient = tf.where(finite, tf.convert_to_tensor(gradient), 0.0)
        self._squares.assign_add(tf.square(gradient))
        self.tensor.assign_sub(RATE * gradient / tf.sqrt(self._squares))

    def memory(self) -> dict[str, np.ndarray]:
        """State for a snapshot."""
        return {
            "position_bias": self.tensor.numpy(),
            "position_squares": self._squares.numpy(),
        }

    def restore(self, memory: Mapping[str, np.ndarray]) -> None:
        """Continue from `memory`; from the beginning where it has none, or of other tasks."""
        for name, own in (("position_bias", self.tensor), ("position_squares", self._squares)):
            if name in memory and memory[name].shape == tuple(own.shape):
                own.assign(memory[name])
