"""Numbers on a common scale, by what training has seen so far.

The statistics move with every training batch (unless they would no longer be finite), before that
batch is scaled by them. They are weights that no gradient moves: `fit`, the online trainer and a
snapshot treat them alike. A row is scaled in the same way in training and afterwards.
"""

from typing import Any

import keras
from keras import ops

from models.layers.moments import merged, move


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

    Until the first training batch, mean 0 and variance 1. The variance is at least (1e-5 mean)^2,
    so that a constant stays near 0 whatever its rounding.

    Args:
        memory: rows after which older ones begin to be forgotten.
        epsilon: added to the variance.

    Input and output: (batch, width).
    """

    def __init__(self, memory: float = 1e6, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.memory = memory
        self.epsilon = epsilon

    def build(self, shape: tuple[Any, ...]) -> None:
        def weight(name: str, of: tuple[Any, ...], first: str) -> Any:
            return self.add_weight(shape=of, initializer=first, trainable=False, name=name)

        self.count = weight("count", (), "zeros")
        self.mean = weight("mean", shape[-1:], "zeros")
        self.variance = weight("variance", shape[-1:], "ones")

    def call(self, x: Any, training: bool | None = None) -> Any:
        if training:
            self._see(x)
        least = ops.square(1e-5 * self.mean)
        variance = ops.maximum(self.variance, least) + self.epsilon
        return (x - self.mean) * ops.rsqrt(variance)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "memory": self.memory, "epsilon": self.epsilon}

    def _see(self, x: Any) -> None:
        rows = ops.cast(ops.shape(x)[0], x.dtype)
        count = self.count + rows
        old = ops.where(self.count > 0, self.variance.value, ops.zeros_like(self.variance.value))
        of_batch = ops.mean(x, axis=0), ops.var(x, axis=0)
        mean, variance = merged(self.mean.value, old, *of_batch, rows / count)
        count = ops.minimum(count, self.memory)
        move([(self.count, count), (self.mean, mean), (self.variance, variance)])


@keras.saving.register_keras_serializable("millstream")
class Quantile(keras.layers.Layer):
    """The share of the rows seen that are below x: the empirical distribution, between 0 and 1.

    It is kept as `points` quantiles at the levels (i + 1/2) / points, linear between them and flat
    outside. With every training batch they become the quantiles of both together: of themselves,
    who stand for all rows seen or about the last `memory` rows, and of the batch.

    Args:
        points: of the distribution function.
        memory: rows after which older ones begin to be forgotten.

    Input and output: (batch, width).

    Reference: Covington, Adams & Sargin, RecSys 2016, https://doi.org/10.1145/2959100.2959190,
    section 4.1 (the scaling).
    """

    def __init__(self, points: int = 65, memory: float = 1e6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.points = points
        self.memory = memory

    def build(self, shape: tuple[Any, ...]) -> None:
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        grid = (self.points, shape[-1])
        self.quantiles = self.add_weight(
            shape=grid, initializer=self._unit, trainable=False, name="quantiles"
        )

    def call(self, x: Any, training: bool | None = None) -> Any:
        if training:
            self._see(x)
        levels = ops.broadcast_to(self._levels(), (self.points, x.shape[-1]))
        return _interpolated(x, self.quantiles.value, levels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "points": self.points, "memory": self.memory}

    def _unit(self, shape: tuple[int, int], dtype: Any = None) -> Any:
        return ops.cast(ops.broadcast_to(self._levels(), shape), dtype)

    def _levels(self) -> Any:
        return ((ops.arange(self.points, dtype="float32") + 0.5) / self.points)[:, None]

    def _see(self, x: Any) -> None:
        rows = ops.cast(ops.shape(x)[0], x.dtype)
        count = self.count + rows
        of_row = ops.ones_like(x) / rows
        of_point = ops.ones_like(self.quantiles.value) / self.points
        share = rows / count
        both = self._quantiles(
            ops.concatenate([self.quantiles.value, x]),
            ops.concatenate([(1.0 - share) * of_point, share * of_row]),
        )
        quantiles = ops.where(self.count > 0, both, self._quantiles(x, of_row))
        count = ops.minimum(count, self.memory)
        # Infinite numbers at the ends might leave no trace in the quantiles.
        whole = ops.where(ops.all(ops.isfinite(x)), count, float("nan"))
        move([(self.count, whole), (self.quantiles, quantiles)])

    def _quantiles(self, x: Any, weights: Any) -> Any:
        """Quantiles of weighted numbers (n, width), each in the middle of its own weight."""
        order = ops.argsort(x, axis=0)
        x = ops.take_along_axis(x, order, axis=0)
        weights = ops.take_along_axis(weights, order, axis=0)
        below = ops.cumsum(weights, axis=0) - 0.5 * weights
        levels = ops.broadcast_to(self._levels(), (self.points, x.shape[-1]))
        return _interpolated(levels, below, x)


def _interpolated(x: Any, xs: Any, ys: Any) -> Any:
    """The lines through the points (xs, ys), ascending down each column, at x; flat outside."""
    run, rise = xs[1:] - xs[:-1], ys[1:] - ys[:-1]
    part = (x[:, None, :] - xs[:-1]) / ops.maximum(run, 1e-12)
    return ys[0] + ops.sum(rise * ops.clip(part, 0.0, 1.0), axis=1)


NORMALISERS: dict[str, type[keras.layers.Layer]] = {
    "log": SignedLog,
    "standard": Standardise,
    "quantile": Quantile,
}
