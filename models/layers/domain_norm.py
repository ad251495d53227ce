"""Normalisation and fully connected layers that differ by domain.

Reference: Sheng et al., CIKM 2021, https://arxiv.org/abs/2101.11427, eq. 2 to 6.
"""

from typing import Any

import keras
from keras import ops

from models.layers.moments import merged, move


@keras.saving.register_keras_serializable("millstream")
class DomainNorm(keras.layers.Layer):
    """gamma gamma_p (x - mu_p) / sqrt(var_p + epsilon) + beta + beta_p, p the row's domain.

    Mean and variance are those of the domain's rows, moving: about the last 1 / (1 - momentum)
    batches that had some. The paper's training normalises by the batch, which is of one domain;
    here a batch has several, perhaps a row of one, and training and serving scale alike.

    Args:
        momentum: what stays of mean and variance, a batch.
        epsilon: added to the variance.

    Input: x (batch, width), and the domain (batch, domains), a one and zeros; output:
    (batch, width).
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, x_shape: tuple[Any, ...], domain_shape: tuple[Any, ...]) -> None:
        each = (domain_shape[-1], x_shape[-1])

        def weight(name: str, shape: tuple[Any, ...], first: str, trainable: bool) -> Any:
            return self.add_weight(shape=shape, initializer=first, trainable=trainable, name=name)

        self.gamma = weight("gamma", each[1:], "ones", True)
        self.beta = weight("beta", each[1:], "zeros", True)
        self.own_gamma = weight("own_gamma", each, "ones", True)
        self.own_beta = weight("own_beta", each, "zeros", True)
        self.batches = weight("batches", (each[0], 1), "zeros", False)
        self.mean = weight("mean", each, "zeros", False)
        self.variance = weight("variance", each, "ones", False)

    def call(self, x: Any, domain: Any, training: bool | None = None) -> Any:
        if training:
            self._see(ops.stop_gradient(x), domain)
        mean, variance = (ops.matmul(domain, w) for w in (self.mean.value, self.variance.value))
        scaled = (x - mean) * ops.rsqrt(variance + self.epsilon)
        gamma = self.gamma * ops.matmul(domain, self.own_gamma)
        return gamma * scaled + self.beta + ops.matmul(domain, self.own_beta)

    def get_config(self) -> dict[str, Any]:
        own = {"momentum": self.momentum, "epsilon": self.epsilon}
        return {**super().get_config(), **own}

    def _see(self, x: Any, domain: Any) -> None:
        """Move mean and variance of the domains that have rows in the batch."""
        rows = ops.transpose(domain)
        count = ops.sum(rows, axis=1, keepdims=True)
        is_there = ops.cast(count > 0, x.dtype)
        mean = ops.matmul(rows, x) / ops.maximum(count, 1.0)
        square = ops.matmul(rows, ops.square(x)) / ops.maximum(count, 1.0)
        variance = ops.maximum(square - ops.square(mean), 0.0)
        batches = self.batches + is_there
        share = ops.maximum(1.0 - self.momentum, 1.0 / ops.maximum(batches, 1.0)) * is_there
        moved = merged(self.mean.value, self.variance.value, mean, variance, share)
        move([(self.batches, batches), (self.mean, moved[0]), (self.variance, moved[1])])


@keras.saving.register_keras_serializable("millstream")
class DomainDense(keras.layers.Layer):
    """f((W_p * W) x + b_p + b): weights of the domain times shared ones; W_p begins at 1.

    Args:
        units: of the output.
        activation: f, by name; None is none.

    Input: x (batch, width), and the domain (batch, domains), a one and zeros; output:
    (batch, units).
    """

    def __init__(self, units: int, activation: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.activation = units, activation
        self._function = keras.activations.get(activation)

    def build(self, x_shape: tuple[Any, ...], domain_shape: tuple[Any, ...]) -> None:
        shape, domains = (x_shape[-1], self.units), domain_shape[-1]
        self.kernel = self.add_weight(shape=shape, name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")
        self.own_kernel = self.add_weight(
            shape=(domains, *shape), initializer="ones", name="own_kernel"
        )
        self.own_bias = self.add_weight(
            shape=(domains, self.units), initializer="zeros", name="own_bias"
        )

    def call(self, x: Any, domain: Any) -> Any:
        by_domain = ops.einsum("bi,diu->bdu", x, self.own_kernel * self.kernel)
        y = ops.einsum("bdu,bd->bu", by_domain, domain)
        return self._function(y + self.bias + ops.matmul(domain, self.own_bias))

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "activation": self.activation}
        return {**super().get_config(), **own}
