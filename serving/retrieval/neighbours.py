"""Recent items of people, and what the nearest of them have met.

similarity(n) = sum over items i shared with n of e^(-steps back to i / c) / sqrt(items of n)
                * 2^(-age of n / h)
score(j)      = sum over the nearest n of similarity(n)
                * e^(-steps between j and the newest item shared / c)

The half-life h is that of the predecessors where the domain has them. People come in as their rows
do, those who were quiet longest are forgotten, and of each item only the newest so many are looked
at: a question costs the same however many people there are.

Reference: Garg et al., 2019, "Sequence and Time Aware Neighborhood for Session-based
Recommendations" (STAN), https://arxiv.org/abs/1905.11310; with the sampling of V-SkNN, Ludewig and
Jannach, 2018, https://arxiv.org/abs/1803.09587.
"""

from array import array
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from features.predecessors import PREDECESSORS
from features.spec import BY_NAME, RECENT
from serving.retrieval.order import distinct, top_k

# Of each item the newest so many people are looked at, and the nearest so many of all count.
PEOPLE_OF_ITEM, NEIGHBOURS = 200, 100
STEPS = 2.0  # c above, in items
_LENGTH = BY_NAME[RECENT].length or 1
_HALF_LIFE_S = PREDECESSORS.half_life_s if PREDECESSORS is not None else 86_400.0


class FollowUps(NamedTuple):
    """Items by score, the best first; (items,) each.

    Args:
        rows: of the catalogue when the person met the item; -1 where it had none.
    """

    keys: np.ndarray
    rows: np.ndarray
    scores: np.ndarray


class RecentPeople:
    """What people met last; one thread writes, others may read.

    Args:
        capacity: the most people.
        half_life_s: h above, seconds.
    """

    def __init__(self, capacity: int = 20_000, half_life_s: float = _HALF_LIFE_S) -> None:
        self._half_life_s = half_life_s
        self._places: OrderedDict[str, int] = OrderedDict()
        self._free = deque(range(capacity))
        self._keys = np.zeros((capacity, _LENGTH), np.int64)
        self._rows = np.full((capacity, _LENGTH), -1, np.int32)
        self._counts = np.zeros(capacity, np.int64)  # of keys that are none of padding
        self._times = np.zeros(capacity)
        self._met_by: dict[int, array[int]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def put(
        self, user_id: str, keys: Sequence[int], rows: Sequence[int], time_s: float
    ) -> list[int]:
        """What somebody met last, the newest first, as of `time_s`.

        Args:
            keys: of the items.
            rows: of the catalogue, -1 where it has none.

        Returns:
            Places in `keys` of what they had not met when they came last, the oldest first; of
            somebody new that of the newest.
        """
        is_new = user_id not in self._places
        place = self._place(user_id)
        before = set(self._keys[place].tolist())
        now = list(keys)[:_LENGTH]
        self._keys[place, len(now) :] = 0
        self._rows[place, : len(now)] = rows[:_LENGTH]
        self._keys[place, : len(now)] = now
        self._counts[place] = np.count_nonzero(self._keys[place])
        self._times[place] = time_s
        for key in now:
            if key not in before:
                self._meet(key, place)
        self._leave(place, before.difference(now))
        if is_new:
            return [0]
        return [n for n in range(len(now) - 1, -1, -1) if now[n] not in before]

    def forget(self, user_id: str) -> None:
        """Forget a person."""
        place = self._places.pop(user_id, None)
        if place is not None:
            self._clear(place)
            self._free.append(place)

    def follow_ups(self, recent: np.ndarray, time_s: float) -> FollowUps:
        """What the nearest people have met beside what is met now.

        Args:
            recent: keys of what is met now, int64, the newest first.
        """
        wanted = [key for key in recent[:_LENGTH].tolist() if key]
        # The bytes are copied at once: nobody changes them meanwhile.
        met_by = b"".join(p.tobytes() for key in wanted if (p := self._met_by.get(key)) is not None)
        places = distinct(np.frombuffer(met_by, np.int32))
        if not len(places):
            return FollowUps(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        keys = self._keys.take(places, axis=0)
        total, shared_at = _shared(keys, wanted)
        similarity = total / np.sqrt(np.maximum(self._counts[places], 1))
        age_s = np.maximum(time_s - self._times[places], 0.0)
        similarity = similarity * np.exp2(-age_s / self._half_life_s)
        nearest = top_k(similarity, NEIGHBOURS)
        steps = np.abs(np.arange(_LENGTH) - shared_at[nearest, None])
        votes = similarity[nearest, None] * np.exp(-steps / STEPS)
        keys, rows = keys[nearest], self._rows[places[nearest]]
        counts = (keys != 0) & ~np.isin(keys, recent)
        return _added_up(keys[counts], rows[counts], votes[counts])

    def _meet(self, key: int, place: int) -> None:
        people = self._met_by.setdefault(key, array("i"))
        people.append(place)
        if len(people) > PEOPLE_OF_ITEM:
            people.pop(0)

    def _place(self, user_id: str) -> int:
        if user_id not in self._places:
            if not self._free:
                self.forget(next(iter(self._places)))
            self._places[user_id] = self._free.popleft()
        self._places.move_to_end(user_id)
        return self._places[user_id]

    def _clear(self, place: int) -> None:
        before = set(self._keys[place].tolist())
        self._keys[place] = self._counts[place] = 0
        self._leave(place, before)

    def _leave(self, place: int, keys: Iterable[int]) -> None:
        """Take a person away from items that they are no more known to have met."""
        for key in keys:
            people = self._met_by.get(key)
            if people is not None:
                if place in people:
                    people.remove(place)
                if not people:
                    del self._met_by[key]


def _shared(keys: np.ndarray, wanted: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """(people,) sum over the items shared, and where each met the newest of them; -1 if none."""
    total, shared_at = np.zeros(len(keys)), np.full(len(keys), -1)
    met = keys.ravel()
    for steps, key in enumerate(wanted):
        people, at = np.divmod(np.flatnonzero(met == key), _LENGTH)
        total[people] += np.exp(-steps / STEPS)
        is_first = shared_at[people] < 0
        # Backwards: who met it twice met it where the last of these writes says.
        shared_at[people[is_first][::-1]] = at[is_first][::-1]
    return total, shared_at


def _added_up(keys: np.ndarray, rows: np.ndarray, votes: np.ndarray) -> FollowUps:
    """Items by the sum of their votes, each with the row that stands first."""
    order = np.argsort(keys)
    ordered = keys[order]
    begins = np.append(True, ordered[1:] != ordered[:-1])[: len(keys)]
    starts = np.flatnonzero(begins)
    of = np.empty(len(keys), np.int64)
    of[order] = np.cumsum(begins) - 1
    scores = np.bincount(of, votes, minlength=len(starts))
    first = np.minimum.reduceat(order, starts) if len(starts) else starts
    best = np.argsort(-scores, kind="stable")
    return FollowUps(ordered[starts][best], rows[first[best]].astype(np.int64), scores[best])
