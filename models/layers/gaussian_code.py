"""The code of a variational autoencoder."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class GaussianCode(keras.layers.Layer):
    """z = mu + sigma * noise in training, mu afterwards; adds beta KL(N(mu, sigma^2) || N(0, 1)).

    KL = 1/2 sum (mu^2 + sigma^2 - 1 - log sigma^2), summed over the code, a mean over rows.

    Attributes:
        beta: what the divergence weighs now; begins at 0, whoever trains raises it (annealing).

    Input: (batch, 2 x width), mu beside log sigma^2; output: (batch, width).

    Reference: Liang et al., WWW 2018, https://arxiv.org/abs/1802.05814, eq. 6 and section 2.2.2.
    """

    differs_in_training = True

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.width = (shape[-1] or 0) // 2
        self.beta = self.add_weight(shape=(), initializer="zeros", trainable=False, name="beta")
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, x: Any, training: bool | None = None) -> Any:
        mu, log_variance = x[..., : self.width], x[..., self.width :]
        if not training:
            return mu
        terms = ops.square(mu) + ops.exp(log_variance) - 1.0 - log_variance
        self.add_loss(self.beta * 0.5 * ops.mean(ops.sum(terms, axis=-1)))
        noise = keras.random.normal(ops.shape(mu), seed=self.seeds)
        return mu + ops.exp(0.5 * log_variance) * noise

    def compute_output_spec(self, x: Any, training: bool | None = None) -> keras.KerasTensor:
        return keras.KerasTensor((*x.shape[:-1], x.shape[-1] // 2), self.compute_dtype)
