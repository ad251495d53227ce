"""Stored features brought to a later time: the same function for stream, serving and backfill.

A decayed value v with half-life h, stored as of time u, is v * 2**(-(t - u) / h) at time t >= u.
A time before u changes nothing: the decay of the future is not undone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from features.feature import Entity
from features.spec import FEATURES

_HALF_LIVES_S: dict[Entity, dict[str, float]] = {
    entity: {f.name: f.half_life_s for f in FEATURES if f.entity == entity and f.half_life_s}
    for entity in ("user", "item")
}


def decayed(value: float, age_s: float, half_life_s: float) -> float:
    """Remainder of `value` after `age_s` seconds of exponential decay.

    >>> decayed(8.0, age_s=60.0, half_life_s=60.0)
    4.0

    Raises:
        ValueError: `half_life_s` is not above 0.
    """
    if half_life_s <= 0:
        raise ValueError(f"`half_life_s` must be above 0 seconds. Received: {half_life_s!r}.")
    return value * 0.5 ** (age_s / half_life_s)


def as_of(columns: Mapping[str, Any], entity: Entity, time_s: float | np.ndarray) -> dict[str, Any]:
    """The columns of one entity's features at `time_s`.

    Args:
        columns: arrays of shape (rows,) or (rows, length) by feature name, `<entity>_updated_at`
            among them; what has no half-life passes through.
        time_s: Unix seconds, one for all rows or shape (rows,).

    Returns:
        New columns; the given ones stay as they are.
    """
    age_s = np.maximum(np.asarray(time_s, np.float64) - columns[f"{entity}_updated_at"], 0.0)
    half_lives_s = {name: h for name, h in _HALF_LIVES_S[entity].items() if name in columns}
    left = {h: np.exp2(-age_s / h).astype(np.float32) for h in set(half_lives_s.values())}
    moved = dict(columns)
    for name, half_life_s in half_lives_s.items():
        share, value = left[half_life_s], columns[name]
        moved[name] = value * (share[..., None] if np.ndim(value) > 1 else share)
    return moved
