"""The update of the dense weights in a compiled step, guarded against what is not finite."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class DenseWeights:
    """Weights and the Keras optimiser that moves them.

    Args:
        models: the bodies whose trainable weights are learnt.
        optimiser: a fresh one.
    """

    def __init__(self, models: Sequence[keras.Model], optimiser: keras.Optimizer) -> None:
        self.trainable = [weight for model in models for weight in model.trainable_variables]
        self.optimiser = optimiser
        optimiser.build(self.trainable)

    @property
    def tensors(self) -> list[Any]:
        """The trainable weights as TensorFlow variables, for a tape."""
        return [weight.value for weight in self.trainable]

    def state(self) -> dict[str, np.ndarray]:
        """Copies of the optimiser's variables (its moments, its count of steps), by place."""
        arrays = map(keras.ops.convert_to_numpy, self.optimiser.variables)
        return {f"{place:04d}": array.copy() for place, array in enumerate(arrays)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state`."""
        for variable, (_, array) in zip(
            self.optimiser.variables, sorted(state.items()), strict=True
        ):
            variable.assign(array)

    def apply_if_finite(self, loss: Any, gradients: Sequence[Any], others: Sequence[Any]) -> Any:
        """One step, unless the loss or any gradient is NaN or infinite.

        Args:
            loss: scalar.
            gradients: of the trainable weights.
            others: gradients that are applied elsewhere, but must be finite too.

        Returns:
            Whether the step was taken; scalar bool.
        """
        # A sum of squares is finite only if all of its terms are: one number for millions. (What is
        # finite and overflows when squared is no healthier: optimisers square it, too.)
        sums = [tf.nn.l2_loss(gradient) for gradient in (*gradients, *others)]
        finite = tf.math.is_finite(tf.add_n([tf.cast(loss, tf.float32), *sums]))
        tf.cond(finite, lambda: self._apply(gradients), lambda: False)
        return finite

    def _apply(self, gradients: Sequence[Any]) -> bool:
        self.optimiser.apply(gradients, self.trainable)
        return True


def differs_in_training(model: keras.Model) -> bool:
    """True if the model behaves differently in training, so scoring needs its own forward pass.

    Layers of `models` say so themselves.
    """
    return any(map(_differs, model._flatten_layers()))


def _differs(layer: keras.Layer) -> bool:
    if isinstance(layer, keras.layers.Dropout):
        return bool(layer.rate)
    if isinstance(layer, keras.layers.BatchNormalization | keras.layers.GaussianNoise):
        return True
    return bool(getattr(layer, "differs_in_training", False))
