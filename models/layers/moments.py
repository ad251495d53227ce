"""Mean and variance of what training has seen, kept in weights that no gradient moves."""

from collections.abc import Iterable
from typing import Any

from keras import ops


def merged(mean: Any, variance: Any, new_mean: Any, new_variance: Any, share: Any) -> Any:
    """Mean and variance of two sets together; the second has `share` of the members.

    Reference: Chan, Golub & LeVeque, 1979, eq. 2.1.
    """
    apart = new_mean - mean
    between = share * (1.0 - share) * ops.square(apart)
    return mean + share * apart, (1.0 - share) * variance + share * new_variance + between


def move(values: Iterable[tuple[Any, Any]]) -> None:
    """Set each weight to its value, or none of them if a value is not finite.

    Args:
        values: pairs of a weight and a value of its shape.
    """
    values = list(values)
    finite = ops.all(ops.stack([ops.all(ops.isfinite(value)) for _, value in values]))
    for weight, value in values:
        weight.assign(ops.where(finite, value, weight.value))
