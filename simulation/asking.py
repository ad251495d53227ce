"""Which moments of a log are asked: before which events a list is made."""

from typing import Literal

import numpy as np

from simulation.log import EventLog

Ask = Literal["positive", "session-last", "impression"]


def questions(log: EventLog, ask: Ask) -> np.ndarray:
    """(events,) bool: the events before which a list is asked; each is the right answer of its own.

    Args:
        ask: before every positive event, or before the last one of every session; logged
            impressions are asked by themselves (`simulation.impressions`).
    """
    if not len(log) or ask == "impression":
        return np.zeros(len(log), np.bool_)
    if ask == "positive":
        return log.positive
    last = np.full(int(log.sessions.max()) + 1, -1)
    last[log.sessions] = np.arange(len(log))  # the last one that is written stays
    return log.positive & (last[log.sessions] == np.arange(len(log)))


def spread(asked: np.ndarray, most: int | None) -> np.ndarray:
    """At most so many of the questions, (events,) bool, evenly spread over them; None is all.

    >>> spread(np.array([True, True, False, True, True]), 2).tolist()
    [True, False, False, True, False]
    """
    places = np.flatnonzero(asked)
    if most is None or most >= len(places):
        return asked
    kept = np.zeros(len(asked), np.bool_)
    kept[places[np.arange(most) * len(places) // most]] = True
    return kept
