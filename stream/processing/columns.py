"""As-of lookups, and the entity states around each event of a segment."""

from dataclasses import dataclass

import numpy as np

from features.families.family import States

UNKNOWN = -1


@dataclass(frozen=True)
class AsOfLookups:
    """As-of lookups: entities just before a time; all (lookups,).

    Args:
        entities: which.
        events: as far as events before this one have been worked on.
        times: Unix seconds; what happened then is not in the answer.
    """

    entities: np.ndarray
    events: np.ndarray
    times: np.ndarray


@dataclass(frozen=True)
class Transitions:
    """Entity states before and after each event; rows of `states`.

    Args:
        before, after: (events,) the newest state of the event's entity before and after it.
        as_of: (lookups,) the answers, `UNKNOWN` where it was forgotten.
    """

    states: States
    before: np.ndarray
    after: np.ndarray
    as_of: np.ndarray
