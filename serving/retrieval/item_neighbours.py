"""Items that the same people met together: item-to-item collaborative filtering, online.

    pairs(i, j) = sum over the times that somebody met one of them at most `WINDOW` items after the
                  other, of 2^(-age / h)
    cosine(i, j) = pairs(i, j) / sqrt((met(i) + 1) (met(j) + 1))
    score(j)     = sum over the items i met last of FADING^(steps back to i) * cosine(i, j)

Of each item the `partners` with the most pairs are kept: who has the fewest gives way to a new one.
An event costs as much as its window, a question as much as the items it looks at, however many
people and items there are.

Counts are of now's weight when they are made and grow worth less as later ones weigh more (forward
decay, Cormode et al., ICDE 2009), so nothing has to be touched to age.

References: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001,
https://doi.org/10.1145/371920.372071; Linden, Smith and York, IEEE Internet Computing 7, 2003,
https://doi.org/10.1109/MIC.2003.1167344; kept up event by event as in Papagelis et al., ISMIS 2005.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from features.predecessors import PREDECESSORS
from serving.retrieval.neighbours import FollowUps

# Items before an event's own that it is paired with, and of a person that a question looks at.
WINDOW, LATEST = 10, 20
# Weight of each of these as a share of that of the one met after it.
FADING = 0.9
# Room that is made at first, in items; then as much as there is.
_LEAST_PLACES = 1_024
# Of all items so many are forgotten at once when a new one finds no place.
_FORGOTTEN = 1 / 16
# Weights begin anew at 1 when they have grown to this; float32 has room to add to it.
_MOST_WEIGHT = 2.0**40
_HALF_LIFE_S = PREDECESSORS.half_life_s if PREDECESSORS is not None else 30 * 86_400.0


class ItemNeighbours:
    """Pairs of items; one thread writes, others may read.

    Args:
        capacity: the most items; those that were met longest ago are forgotten.
        partners: the most that are kept of each item.
        half_life_s: h above, seconds.

    Attributes:
        events: that have been counted; 0 where it is empty.
    """

    def __init__(
        self, capacity: int = 50_000, partners: int = 128, half_life_s: float = _HALF_LIFE_S
    ) -> None:
        self._half_life_s = half_life_s
        self.events = 0
        self._began_s: float | None = None
        self._capacity = capacity
        self._places: OrderedDict[int, int] = OrderedDict()
        self._free: list[int] = []
        # Place 0 is nobody's: what has no partner points there.
        self._keys = np.zeros(1, np.int64)
        self._rows = np.full(1, -1, np.int32)
        self._met = np.zeros(1)
        self._partners = np.zeros((1, partners), np.int32)
        self._pairs = np.zeros((1, partners), np.float32)

    def __len__(self) -> int:
        """Items."""
        return len(self._places)

    def put(self, keys: Sequence[int], rows: Sequence[int], time_s: float) -> None:
        """Somebody met an item after others.

        Args:
            keys: of the item, and then of what they had met before it, the newest first, each once.
            rows: of the catalogue, -1 where it has none.
            time_s: Unix seconds.
        """
        self.events += 1
        weight = self._weight(time_s)
        places = [self._place(key) for key in keys[: WINDOW + 1]]
        self._rows[places] = rows[: len(places)]
        self._met[places[0]] += weight
        others = np.array(places[1:], np.int64)
        if len(others):
            self._pair_with_each(places[0], others, weight)
            self._pair_each_with(others, places[0], weight)

    def nearest(self, recent: np.ndarray, time_s: float) -> FollowUps:
        """The items by score, without those of `recent`.

        Args:
            recent: keys of what was met, int64, the newest first; 0 is none.
        """
        steps, places = [], []
        for step, key in enumerate(recent[:LATEST].tolist()):
            if (place := self._places.get(key)) is not None:
                steps.append(step)
                places.append(place)
        partners, pairs = self._partners[places], self._pairs[places]
        one = self._weight_at(time_s)
        norms = np.sqrt((self._met[places] + one)[:, None] * (self._met[partners] + one))
        fading = FADING ** np.array(steps, np.float64)
        votes, known = (fading[:, None] * pairs / norms).ravel(), [0, *places]
        scores = np.bincount(partners.ravel(), votes, max(known) + 1)
        scores[known] = 0.0
        found = np.flatnonzero(scores)
        order = found[np.argsort(-scores[found], kind="stable")]
        return FollowUps(self._keys[order], self._rows[order].astype(np.int64), scores[order])

    def state(self) -> dict[str, Any]:
        """Arrays by name: items in the order in which they were met, and their partners by place.

        Others may write meanwhile: counts of that moment are there or not.
        """
        places = np.array(list(self._places.values()), np.int64)
        order = np.zeros(len(self._keys), np.int32)
        order[places] = np.arange(1, len(places) + 1)
        partners, pairs = order[self._partners[places]], self._pairs[places]
        is_there = partners > 0
        return {
            "began_s": np.array(self._began_s or 0.0),
            "keys": self._keys[places],
            "rows": self._rows[places],
            "met": self._met[places],
            "counts": is_there.sum(axis=1),
            "partners": partners[is_there] - 1,
            "pairs": pairs[is_there],
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state; of more items than there is room for, from those met last.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        keys, rows, met, counts = (state[n] for n in ("keys", "rows", "met", "counts"))
        if not len(keys) == len(rows) == len(met) == len(counts):
            raise ValueError(f"Arrays must be of one length. Received: {len(keys)}, {len(met)}.")
        begins = np.cumsum(counts) - counts
        first = max(len(keys) - self._capacity, 0)
        places = np.zeros(len(keys), np.int64)
        places[first:] = [self._place(key) for key in keys[first:].tolist()]
        self._rows[places], self._met[places] = rows, met
        for item in range(first, len(keys)):
            own = slice(begins[item], begins[item] + min(counts[item], self._pairs.shape[1]))
            count = own.stop - own.start
            partners = places[state["partners"][own]]
            self._partners[places[item], :count] = partners
            self._pairs[places[item], :count] = np.where(partners, state["pairs"][own], 0.0)
        self._rows[0], self._met[0] = -1, 0.0
        self._began_s, self.events = float(state["began_s"]), len(keys)

    def _pair_with_each(self, place: int, others: np.ndarray, weight: float) -> None:
        """Count the partners of one item, each once."""
        partners, pairs = self._partners[place], self._pairs[place]
        is_it = others[:, None] == partners
        known = is_it.any(axis=1)
        at = is_it[known].argmax(axis=1)
        pairs[at] += weight
        new = others[~known]
        if len(new):
            least = pairs.copy()
            least[at] = np.inf  # it was counted just now
            taken = np.argsort(least, kind="stable")[: min(len(new), len(least) - len(at))]
            partners[taken], pairs[taken] = new[: len(taken)], weight

    def _pair_each_with(self, others: np.ndarray, place: int, weight: float) -> None:
        """Count one partner of many items."""
        is_it = self._partners[others] == place
        known = is_it.any(axis=1)
        self._pairs[others[known], is_it[known].argmax(axis=1)] += weight
        new = others[~known]
        if len(new):
            at = self._pairs[new].argmin(axis=1)
            self._partners[new, at], self._pairs[new, at] = place, weight

    def _place(self, key: int) -> int:
        if key not in self._places:
            if not self._free:
                self._make_room()
            self._places[key] = self._free.pop()
            self._keys[self._places[key]] = key
        self._places.move_to_end(key)
        return self._places[key]

    def _make_room(self) -> None:
        """More places, as long as there may be more; else those of what is forgotten."""
        size = len(self._keys)
        more = min(max(size, _LEAST_PLACES), self._capacity + 1 - size)
        if not more:
            self._forget_some()
            return
        for name, empty in (("keys", 0), ("rows", -1), ("met", 0), ("partners", 0), ("pairs", 0)):
            old = getattr(self, f"_{name}")
            new = np.full((more, *old.shape[1:]), empty, old.dtype)
            setattr(self, f"_{name}", np.concatenate([old, new]))
        self._free = list(range(size + more - 1, size - 1, -1))

    def _forget_some(self) -> None:
        """Forget those that were met longest ago, and that others had them as partners."""
        count = max(int(len(self._places) * _FORGOTTEN), 1)
        gone = [self._places.popitem(last=False)[1] for _ in range(count)]
        is_gone = np.zeros(len(self._keys), np.bool_)
        is_gone[gone] = True
        left = is_gone[self._partners]
        self._partners[left], self._pairs[left] = 0, 0.0
        self._partners[gone], self._pairs[gone], self._met[gone] = 0, 0.0, 0.0
        self._keys[gone], self._rows[gone] = 0, -1
        self._free += gone

    def _weight_at(self, time_s: float) -> float:
        """Weight of an event at `time_s`; no less than what float32 can hold."""
        age_s = time_s - (time_s if self._began_s is None else self._began_s)
        return float(2.0 ** max(min(age_s / self._half_life_s, 100.0), -100.0))

    def _weight(self, time_s: float) -> float:
        """The same for one that is counted; all weights begin anew before they are too large."""
        if self._began_s is None:
            self._began_s = time_s
        weight = self._weight_at(time_s)
        if weight > _MOST_WEIGHT:
            self._pairs /= weight
            self._met /= weight
            self._began_s = time_s
            weight = 1.0
        return weight
