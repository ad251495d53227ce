"""Plan of one run: what is replayed, what is asked, in which rhythm."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from millstream.events import Impression
from simulation.cadence import Cadence
from simulation.impressions import Earned
from simulation.log import EventLog, Upsert


@dataclass(frozen=True)
class BacktestPlan:
    """One run.

    Args:
        log: that is replayed.
        hours: (events,) of the whole log, with fractions.
        asked: (events,) bool: before which events a list is asked.
        upserts: that are sent as their time comes.
        k: length of the lists.
        seed: of exploration.
        impressions: logged lists that are judged, oldest first.
        rewards: what the places of logged lists earned.
        recent_items: so many of the items that the session met last come with a question.
    """

    log: EventLog
    hours: np.ndarray
    asked: np.ndarray
    upserts: Sequence[Upsert] = ()
    cadence: Cadence = field(default_factory=Cadence)
    k: int = 20
    seed: int = 0
    impressions: Sequence[Impression] = ()
    rewards: Earned = field(default_factory=dict)
    recent_items: int = 0
