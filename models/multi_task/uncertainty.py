"""Weights of losses that are learnt with the network's.

Reference: Kendall, Gal & Cipolla, CVPR 2018, https://arxiv.org/abs/1705.07115, eq. 7 and 10.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from models.fields import Task


class Uncertainty(keras.layers.Layer):
    """sum_k a_k exp(-s_k) L_k + s_k / 2, a = 1/2 for a number and 1 for a binary task.

    s_k = log sigma_k^2 begins at 0 and is learnt: a task with much noise counts less.

    Args:
        tasks: in the order of the losses.

    Input: (tasks,) losses; output: a scalar.
    """

    def __init__(self, tasks: Sequence[Task], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.halves = np.array([0.5 if t.kind == "regression" else 1.0 for t in tasks], np.float32)

    def build(self, shape: tuple[int, ...]) -> None:
        self.s = self.add_weight(shape=shape, initializer="zeros", name="s")

    def call(self, losses: Any) -> Any:
        return ops.sum(self.halves * ops.exp(-self.s) * losses + 0.5 * self.s)
