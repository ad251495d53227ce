"""Predecessors of an item: what its people had met right before it, if a feature keeps them.

They are an item's affinity to the recent items of users (`features.families.Affinity`). Matched
with what somebody has met lately they say how often the item followed of late: co-occurrence.
"""

from math import log
from typing import NamedTuple

import numpy as np

from features import derived
from features.columns import Arrays
from features.families import Affinity
from features.spec import DECLARED, RECENT

PREDECESSORS: Affinity | None = next(
    (
        feature
        for feature in DECLARED
        if isinstance(feature, Affinity) and feature.view.entity == "item" and feature.to == RECENT
    ),
    None,
)


# What weighs less, as a share of the newest, says nothing; and each one costs time.
_LEAST_WEIGHT, _MOST = 0.05, 8


class Predecessors(NamedTuple):
    """Predecessors of items.

    Args:
        keys: (items, length) int64, padded with 0.
        events: (items, length) how often the item followed each, as of the time of its row.
        ages: (items,) that time in half-lives.
    """

    keys: np.ndarray
    events: np.ndarray
    ages: np.ndarray

    @classmethod
    def of(cls, features: Arrays) -> "Predecessors":
        """Those in the columns of items, `predecessor_columns` at least."""
        assert PREDECESSORS is not None
        updated_at, keys, events = (features[name] for name in predecessor_columns())
        return cls(keys, events, updated_at / PREDECESSORS.half_life_s)


def predecessor_columns() -> tuple[str, ...]:
    """The columns that hold an item's predecessors and their time; none without such a feature."""
    if PREDECESSORS is None:
        return ()
    return "item_updated_at", PREDECESSORS.name, PREDECESSORS.events_column


def latest(recent: np.ndarray) -> np.ndarray:
    """Those of the items that were met last, the newest first, that say what comes next."""
    if PREDECESSORS is None or PREDECESSORS.fading == 1.0:
        return recent[:_MOST]
    return recent[: min(1 + int(log(_LEAST_WEIGHT) / log(PREDECESSORS.fading)), _MOST)]


def followed_each(features: Arrays, recent: np.ndarray) -> np.ndarray:
    """How often each item followed each of what was met lately, (entries, items) float64, decayed.

    Args:
        features, recent: as of `followed`.
    """
    shape = len(recent), len(features["item_updated_at"])
    if PREDECESSORS is None or not len(recent):
        return np.zeros(shape)
    known = features[PREDECESSORS.name]
    # Few match: finding them is cheaper than a product with all.
    entry, at = derived.places_of(recent, known)
    counts = derived.counted(features[PREDECESSORS.events_column].ravel()[at])
    cell = entry * shape[1] + at // known.shape[1]
    return np.bincount(cell, counts, shape[0] * shape[1]).astype(np.float64).reshape(shape)


def followed(features: Arrays, recent: np.ndarray, fading: float = 1.0) -> np.ndarray:
    """How often each item followed what was met lately, (items,) float32, decayed.

    Args:
        features: of the items, as of now.
        recent: (entries,) keys of different items, the newest first; 0 is none.
        fading: weight of each entry as a share of the one's before it.
    """
    weights = fading ** np.arange(len(recent))
    return (weights @ followed_each(features, recent)).astype(np.float32)
