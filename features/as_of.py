"""Stored features brought to a later time: the same function for stream, serving and backfill.

A decayed value v with half-life h, stored as of time u, is v * 2**(-(t - u) / h) at time t >= u.
A time before u changes nothing: the decay of the future is not undone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from features.decay import shares
from features.feature import Entity
from features.spec import FEATURES

_HALF_LIVES_S: dict[Entity, dict[str, float]] = {
    entity: {f.name: f.half_life_s for f in FEATURES if f.entity == entity and f.half_life_s}
    for entity in ("user", "item")
}


def as_of(columns: Mapping[str, Any], entity: Entity, time_s: float | np.ndarray) -> dict[str, Any]:
    """The columns of one entity's features at `time_s`.

    Args:
        columns: arrays of shape (rows,) or (rows, length) by feature name, `<entity>_updated_at`
            among them; what has no half-life passes through.
        time_s: Unix seconds, one for all rows or shape (rows,).

    Returns:
        New columns; the given ones stay as they are.
    """
    age_s = np.asarray(time_s, np.float64) - columns[f"{entity}_updated_at"]
    half_lives_s = {name: h for name, h in _HALF_LIVES_S[entity].items() if name in columns}
    left = {h: shares(age_s, h) for h in set(half_lives_s.values())}
    moved = dict(columns)
    for name, half_life_s in half_lives_s.items():
        share, value = left[half_life_s], columns[name]
        moved[name] = value * (share[..., None] if np.ndim(value) > 1 else share)
    return moved
