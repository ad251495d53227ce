"""Lists of a running installation against counters, asked while a log is published to it."""

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from millstream.events import Interaction
from simulation.baselines.baseline import BaselineRecommender, Moment
from simulation.judging import hits, rank_of
from simulation.sessions import OpenSessions

OURS = "Millstream"
# So many of the items that somebody met last come with a question.
MOST_MET = 100

# A user, and what they met last, newest first.
Recommend = Callable[[str, Sequence[str]], Sequence[str]]
MakeCounters = Callable[[int], Sequence[BaselineRecommender]]


@dataclass(frozen=True)
class ListQuality:
    """Hit rates of the same questions.

    Args:
        questions: how many were asked.
        k: length of a list.
        hit_rates: HR@k by who made the list, `OURS` first.
    """

    questions: int
    k: int
    hit_rates: dict[str, float]

    @property
    def best_counter(self) -> str:
        """Name of the counter with the highest hit rate."""
        return max(
            (name for name in self.hit_rates if name != OURS), key=self.hit_rates.__getitem__
        )


class CounterQuestions:
    """A log as the counters know it: told up to a place, asked about a later one.

    What the person of a question has met is known up to its very moment: a page knows its visitor.

    Args:
        log: interactions, oldest first.
        make_counters: counters for a number of items; a user is one session of theirs.
    """

    def __init__(self, log: Sequence[Interaction], make_counters: MakeCounters) -> None:
        self._log, self._told, self._met = log, 0, 0
        self._items = {item: n for n, item in enumerate(dict.fromkeys(e.item_id for e in log))}
        self._ids = list(self._items)
        self._users = {user: n for n, user in enumerate(dict.fromkeys(e.user_id for e in log))}
        self._sessions, self._people = OpenSessions(), OpenSessions()
        self.counters = make_counters(len(self._items))

    def tell(self, up_to: int) -> None:
        """Tell the counters all before place `up_to`."""
        for event in self._log[self._told : up_to]:
            moment, item = self._moment(event, self._sessions), self._items[event.item_id]
            for counter in self.counters:
                counter.tell(moment, item)
            self._sessions.add(moment.session, item)
        self._told = max(self._told, up_to)

    def ranks(self, place: int, k: int) -> dict[str, int]:
        """The place of event `place`'s item in each counter's list of `k`."""
        moment, target = self._asked(place), self._items[self._log[place].item_id]
        return {each.name: rank_of(target, each.rank(moment, k)) for each in self.counters}

    def met(self, place: int, most: int) -> list[str]:
        """The `most` items that the person of event `place` met last before it, newest first."""
        return [self._ids[item] for item in self._asked(place).items[: -most - 1 : -1]]

    def _asked(self, place: int) -> Moment:
        for event in self._log[self._met : place]:
            self._people.add(self._users[event.user_id], self._items[event.item_id])
        self._met = max(self._met, place)
        return self._moment(self._log[place], self._people)

    def _moment(self, event: Interaction, sessions: OpenSessions) -> Moment:
        user = self._users[event.user_id]
        return Moment(event.event_time, user, user, sessions.items(user))


class LiveJudge(threading.Thread):
    """Asks for a list just before a positive is published, whether its item is among the first k.

    The counters answer the same questions. They are told what was published `delay_s` before: a log
    of months that is published in minutes leaves a person no time to act on a list, and what was
    published in the same instant nobody could know. What the person themselves met before comes
    with the question, to ours and to the counters alike: the page that asks knows it.

    Args:
        recommend: the items of a user's list of `k`, best first, given what they met last.
        log: interactions as they are published.
        positives: (positives,) places in `log` that are asked about, ascending.
        sent: how many of them are published by now.
        every_s: pause between two questions.
    """

    def __init__(
        self,
        recommend: Recommend,
        log: Sequence[Interaction],
        positives: Sequence[int],
        sent: Callable[[], int],
        make_counters: MakeCounters,
        *,
        k: int = 10,
        every_s: float = 0.1,
        delay_s: float = 1.0,
    ) -> None:
        super().__init__(name="live-judge", daemon=True)
        self._recommend, self._log, self._positives, self._sent = recommend, log, positives, sent
        self._counters = CounterQuestions(log, make_counters)
        self._k, self._every_s, self._delay_s = k, every_s, delay_s
        self._published: list[tuple[float, int]] = []
        self._ranks: list[dict[str, int]] = []
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(self._every_s):
            now_s, sent = time.monotonic(), self._sent()
            self._published.append((now_s, sent))
            nth = bisect_right(self._positives, sent)
            if nth == len(self._positives):
                return
            self._counters.tell(self._known_at(now_s - self._delay_s))
            self._ask(self._positives[nth])

    def stop(self) -> None:
        """End after the question that is asked now."""
        self._stopped.set()
        self.join()

    def quality(self) -> ListQuality | None:
        """The hit rates so far; None before the first question."""
        asked = list(self._ranks)
        if not asked:
            return None
        rates = {
            name: float(np.mean(hits(np.array([ranks[name] for ranks in asked]), self._k)))
            for name in asked[0]
        }
        return ListQuality(len(asked), self._k, rates)

    def _ask(self, place: int) -> None:
        event = self._log[place]
        try:
            ours = list(self._recommend(event.user_id, self._counters.met(place, MOST_MET)))
        except OSError:  # not ready yet, or overloaded: no list, no question
            return
        rank = ours.index(event.item_id) if event.item_id in ours else -1
        self._ranks.append({OURS: rank, **self._counters.ranks(place, self._k)})

    def _known_at(self, time_s: float) -> int:
        place = bisect_right(self._published, (time_s, len(self._log)))
        return self._published[place - 1][1] if place else 0
