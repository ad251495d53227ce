"""Co-occurrence: items of the same sessions, decayed; popularity where that says little."""

from collections import defaultdict

import numpy as np

from simulation.baselines.baseline import Moment, best, filled
from simulation.baselines.decay import Decayed
from simulation.baselines.window import WindowedClicks

# A session's last so many items are paired with the next one.
PAIRED = 20


class Pairs:
    """Decayed counts of ordered pairs of items in the same session, both ways.

    Args:
        half_life_s: of a pair, seconds.
    """

    def __init__(self, half_life_s: float) -> None:
        self._clock = Decayed(0, half_life_s)
        self._rows: defaultdict[int, dict[int, float]] = defaultdict(dict)

    def add(self, moment: Moment, item: int) -> None:
        """Pair `item` with what the session had before it."""
        weight = self._clock.weight(moment.time_s)
        for other in moment.items[-PAIRED:]:
            for one, two in ((other, item), (item, other)):
                row = self._rows[one]
                row[two] = row.get(two, 0.0) + weight

    def of(self, item: int, time_s: float) -> tuple[np.ndarray, np.ndarray]:
        """The items that were paired with `item`, and their decayed counts."""
        row = self._rows.get(item)
        if not row:
            return np.zeros(0, np.int64), np.zeros(0)
        counts = np.fromiter(row.values(), np.float64, len(row)) / self._clock.weight(time_s)
        return np.fromiter(row, np.int64, len(row)), counts


class CoOccurrence:
    """Items that go with the session's newest one; then the clicks of a window.

    Args:
        size: how many items the log has.
        half_life_s: of a pair.
        window_s: of the clicks that rank what the pairs leave open.
    """

    def __init__(self, size: int, half_life_s: float, window_s: float, name: str) -> None:
        self.name = name
        self._size, self._pairs = size, Pairs(half_life_s)
        self._clicks = WindowedClicks(size, window_s, name)

    def tell(self, moment: Moment, item: int) -> None:
        """Count the event and its pairs."""
        self._pairs.add(moment, item)
        self._clicks.tell(moment, item)

    def rank(self, moment: Moment, k: int) -> np.ndarray:
        """Paired items by count, then the popular ones."""
        scores = np.zeros(self._size)
        for item in moment.items[-1:]:
            others, counts = self._pairs.of(item, moment.time_s)
            scores[others] = counts
        return filled(best(scores, k, moment.items), self._clicks.rank(moment, k), k)


class Blended:
    """Co-occurrence and popularity as one estimate of the next item.

    P(j | i) = (pairs(i, j) + prior * share(j)) / (pairs(i) + prior): the less is known of what goes
    with i, the more popularity says (a Dirichlet prior with popularity as its mean). The session's
    items are added up, each counting half as much as the one after it.

    Args:
        size: how many items the log has.
        pairs_s, popular_s: half-lives.
        prior: pairs that popularity counts for.
    """

    def __init__(
        self, size: int, pairs_s: float, popular_s: float, name: str, prior: float = 10.0
    ) -> None:
        self.name = name
        self._pairs, self._prior = Pairs(pairs_s), prior
        self._popular = Decayed(size, popular_s)

    def tell(self, moment: Moment, item: int) -> None:
        """Count the event and its pairs."""
        self._pairs.add(moment, item)
        self._popular.add(item, moment.time_s)

    def rank(self, moment: Moment, k: int) -> np.ndarray:
        """Items by the weighted sum of P(j | i) over the session's items i."""
        share = self._popular.scaled / (self._popular.scaled.sum() or 1.0)
        scores, weight = np.zeros(len(share)), 1.0
        for item in moment.items[::-1]:
            others, counts = self._pairs.of(item, moment.time_s)
            evidence = weight / (counts.sum() + self._prior)
            scores += (evidence * self._prior) * share
            scores[others] += evidence * counts
            weight *= 0.5
        return best(scores if len(moment.items) else share, k, moment.items)
