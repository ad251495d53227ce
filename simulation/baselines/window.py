"""Windowed clicks: the events of the last so many seconds, each counted once."""

from collections import deque

import numpy as np

from simulation.baselines.baseline import Moment, best


class WindowedClicks:
    """The items with the most events in a window.

    Args:
        size: how many items the log has.
    """

    def __init__(self, size: int, window_s: float, name: str) -> None:
        self.name = name
        self.counts = np.zeros(size)
        self._window_s = window_s
        self._events: deque[tuple[float, int]] = deque()

    def tell(self, moment: Moment, item: int) -> None:
        """Count the event, until it leaves the window."""
        self._events.append((moment.time_s, item))
        self.counts[item] += 1.0

    def rank(self, moment: Moment, k: int) -> np.ndarray:
        """The same list for everybody, without the session's items."""
        self.forget(moment.time_s)
        return best(self.counts, k, moment.items)

    def forget(self, time_s: float) -> None:
        """Take out what has left the window at `time_s`."""
        events, oldest = self._events, time_s - self._window_s
        while events and events[0][0] < oldest:
            self.counts[events.popleft()[1]] -= 1.0
