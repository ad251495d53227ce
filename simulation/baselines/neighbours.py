"""Session neighbours: what the most similar recent sessions had, after what is met now.

similarity(s, n) = sum over shared items of e^(-steps back in s / a) / sqrt(items of n)
                   * e^(-age of n / b)
score(j) = sum over the nearest n of similarity * e^(-steps between j and the shared item in n / c)

Reference: Garg et al., 2019, "Sequence and Time Aware Neighborhood for Session-based
Recommendations" (STAN), https://arxiv.org/abs/1905.11310; with the sampling of V-SkNN, Ludewig and
Jannach, 2018, https://arxiv.org/abs/1803.09587.
"""

from collections import defaultdict, deque
from functools import partial
from math import exp, sqrt

import numpy as np

from simulation.baselines.baseline import Moment, best, filled
from simulation.baselines.decay import Decayed
from simulation.sessions import OpenSessions

NEIGHBOURS = 100
# Of each item the newest so many sessions are looked at.
SESSIONS_OF_ITEM = 200


class SessionNeighbours:
    """Sequence- and time-aware session neighbours; then popularity.

    Args:
        size: how many items the log has.
        position: a, c above, in items.
        age_s: b above, seconds.
        popular_s: half-life of the popularity that fills lists up.
    """

    def __init__(
        self,
        size: int,
        name: str,
        position: float = 2.0,
        age_s: float = 3_600.0,
        popular_s: float = 1_200.0,
    ) -> None:
        self.name = name
        self._position, self._age_s = position, age_s
        self._popular = Decayed(size, popular_s)
        self._sessions, self._touched = OpenSessions(), dict[int, float]()
        self._of_item: defaultdict[int, deque[int]] = defaultdict(
            partial(deque, maxlen=SESSIONS_OF_ITEM)
        )

    def tell(self, moment: Moment, item: int) -> None:
        """The session has one item more."""
        self._popular.add(item, moment.time_s)
        self._sessions.add(moment.session, item)
        self._touched[moment.session] = moment.time_s
        self._of_item[item].append(moment.session)

    def rank(self, moment: Moment, k: int) -> np.ndarray:
        """Items of the nearest sessions, then the popular ones."""
        scores = np.zeros(len(self._popular.scaled))
        for session, similarity in self._nearest(moment):
            self._add(scores, similarity, self._sessions.items(session), moment)
        found = best(scores, k, moment.items)
        return filled(found, best(self._popular.scaled, k, moment.items), k)

    def _nearest(self, moment: Moment) -> list[tuple[int, float]]:
        shared: defaultdict[int, float] = defaultdict(float)
        for steps, item in enumerate(reversed(moment.items)):
            weight = exp(-steps / self._position)
            for session in set(self._of_item.get(item, ())):
                shared[session] += weight
        shared.pop(moment.session, None)
        similar = {
            session: weight
            * exp(-(moment.time_s - self._touched[session]) / self._age_s)
            / sqrt(len(self._sessions.items(session)))
            for session, weight in shared.items()
            if len(self._sessions.items(session)) > 1
        }
        return sorted(similar.items(), key=lambda pair: (-pair[1], pair[0]))[:NEIGHBOURS]

    def _add(
        self, scores: np.ndarray, similarity: float, neighbour: list[int], moment: Moment
    ) -> None:
        """Votes of one neighbour: items near the newest shared one count most."""
        place = next(
            (neighbour.index(item) for item in reversed(moment.items) if item in neighbour), None
        )
        if place is not None:
            steps = np.abs(np.arange(len(neighbour)) - place)
            np.add.at(scores, neighbour, similarity * np.exp(-steps / self._position))
