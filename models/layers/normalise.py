"""Numbers on a common scale, by what training has seen so far.

The statistics move with every training batch (unless a number in it is not finite), before that
batch is scaled by them. They are weights that no gradient moves: `fit`, the online trainer and a
snapshot treat them alike. A row is scaled in the same way in training and afterwards.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("millstream")
class SignedLog(keras.layers.Layer):
    """sign(x) log(1 + |x|), for counts and amounts of any sign.

    Input and output: (batch, width).
    """

    def call(self, x: Any) -> Any:
        return ops.sign(x) * ops.log1p(ops.abs(x))


@keras.saving.register_keras_serializable("millstream")
class Standardise(keras.layers.Layer):
    """(x - mean) / sqrt(variance + epsilon) of all rows seen, or of about the last `memory` rows.

    Until the first training batch, mean 0 and variance 1.

    Args:
        memory: rows after which older ones begin to be forgotten.
        epsilon: added to the variance.

    Input and output: (batch, width).

    Reference: Chan, Golub & LeVeque, 1979, eq. 2.1 (pairwise update of mean and variance).
    """

    def __init__(self, memory: float = 1e6, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.memory = memory
        self.epsilon = epsilon

    def build(self, shape: tuple[int | None, ...]) -> None:
        def weight(name: str, of: tuple[int | None, ...], first: str) -> Any:
            return self.add_weight(shape=of, initializer=first, trainable=False, name=name)

        self.count = weight("count", (), "zeros")
        self.mean = weight("mean", shape[-1:], "zeros")
        self.variance = weight("variance", shape[-1:], "ones")

    def call(self, x: Any, training: bool | None = None) -> Any:
        mean, variance = self.mean.value, self.variance.value
        if training:
            mean, variance = self._seen(x)
        return (x - mean) * ops.rsqrt(variance + self.epsilon)

    def _seen(self, x: Any) -> tuple[Any, Any]:
        rows = ops.cast(ops.shape(x)[0], x.dtype)
        count = self.count + rows
        share = rows / count
        apart = ops.mean(x, axis=0) - self.mean
        within = ops.var(x, axis=0)
        mean = self.mean + share * apart
        old = ops.where(self.count > 0, self.variance, ops.zeros_like(self.variance))
        variance = (1 - share) * old + share * within + share * (1 - share) * ops.square(apart)
        _move(x, self.count, ops.minimum(count, self.memory))
        _move(x, self.mean, mean)
        _move(x, self.variance, variance)
        return mean, variance

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "memory": self.memory, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("millstream")
class Quantile(keras.layers.Layer):
    """The share of the rows seen that are below x: the empirical distribution, between 0 and 1.

    Each of `points` quantiles moves by stochastic approximation: q_p moves up by p - P(x <= q_p) of
    the batch, in units of the distance of its neighbours. The first batch places them all.

    Args:
        points: of the distribution function; between them it is linear.
        rate: of the steps.

    Input and output: (batch, width).

    Reference: Covington, Adams & Sargin, RecSys 2016, https://doi.org/10.1145/2959100.2959190,
    section 4.1 (the scaling); Robbins & Monro, 1951 (the estimate).
    """

    def __init__(self, points: int = 65, rate: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.points = points
        self.rate = rate

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        grid = (self.points, shape[-1])
        self.quantiles = self.add_weight(
            shape=grid, initializer=self._unit, trainable=False, name="quantiles"
        )

    def call(self, x: Any, training: bool | None = None) -> Any:
        quantiles = self._seen(x) if training else self.quantiles.value
        low, high = quantiles[:-1], quantiles[1:]
        # The part of each interval that lies below x.
        below = (x[:, None, :] - low) / ops.maximum(high - low, keras.config.epsilon())
        return ops.mean(ops.clip(below, 0.0, 1.0), axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "points": self.points, "rate": self.rate}

    def _unit(self, shape: tuple[int, int], dtype: Any = None) -> Any:
        return ops.tile(ops.cast(self._levels(), dtype)[:, None], (1, shape[1]))

    def _levels(self) -> Any:
        return ops.linspace(0.0, 1.0, self.points)

    def _seen(self, x: Any) -> Any:
        now = self.quantiles.value
        first = ops.transpose(ops.quantile(ops.transpose(x), self._levels(), axis=1))
        first = ops.reshape(first, (self.points, x.shape[-1]))
        share = ops.mean(ops.cast(x[:, None, :] <= now, x.dtype), axis=0)
        spread = (now[-1] - now[0]) / (self.points - 1) + keras.config.epsilon()
        moved = now + self.rate * self.points * spread * (self._levels()[:, None] - share)
        ends = ops.minimum(now[0], ops.min(x, axis=0)), ops.maximum(now[-1], ops.max(x, axis=0))
        moved = ops.concatenate([ends[0][None], moved[1:-1], ends[1][None]])
        quantiles = ops.where(self.count > 0, ops.sort(moved, axis=0), first)
        _move(x, self.count, self.count + 1)
        _move(x, self.quantiles, quantiles)
        return quantiles


def _move(x: Any, weight: Any, value: Any) -> None:
    """Set the weight, unless `x` has a number that is not finite."""
    weight.assign(ops.where(ops.all(ops.isfinite(x)), value, weight.value))


NORMALISERS: dict[str, type[keras.layers.Layer]] = {
    "log": SignedLog,
    "standard": Standardise,
    "quantile": Quantile,
}
