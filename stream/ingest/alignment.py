"""Buffers between the consumer and the core: partitions are worked on in step, by event time.

Each partition's records stay in their order; between partitions the one whose next event is the
oldest goes first (by the running maximum of its event times, so that one late event does not hold
up its own partition). A partition that has more on the broker, but nothing buffered yet, holds back
events that are newer than what it had last: for at most `max_idle_s`, in case it cannot be read. So
a backlog is replayed as it happened, whichever partition is fetched first.

The catalogue's topics are tables, not histories: they are not aligned and go first.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace
from math import inf

from millstream.topics import ITEMS, USERS
from stream.ingest.records import Refused, Source, Sourced

TABLES = frozenset({ITEMS.name, USERS.name})

Entry = Sourced | Refused


@dataclass
class Lane:
    """One partition's buffer.

    Args:
        waiting: (event time so far, entry), oldest first.
        reached: the newest event time that was buffered.
        behind: more was on the broker when it was last read.
        empty_since: since when it has been waited for.
    """

    waiting: deque[tuple[float, Entry]] = field(default_factory=deque)
    reached: float = -inf
    behind: bool = False
    empty_since: float = 0.0


class Intake:
    """The lanes of all partitions that this worker reads.

    Args:
        max_idle_s: the longest that a partition without records holds back the others.
    """

    def __init__(self, max_idle_s: float) -> None:
        self._max_idle_s = max_idle_s
        self._lanes: dict[Source, Lane] = {}

    def assign(self, behind: Mapping[Source, bool], now_s: float) -> None:
        """Begin anew, empty, with these partitions; which of them have anything to read."""
        self._lanes = {
            source: Lane(behind=has_more, empty_since=now_s) for source, has_more in behind.items()
        }

    def put(self, source: Source, entries: Iterable[Entry], behind: bool, now_s: float) -> None:
        """Buffer what was read of one partition; one that is not assigned is left out.

        Args:
            behind: there is more on the broker.
        """
        lane = self._lanes.get(source)
        if lane is None:
            return
        lane.behind = behind
        is_table = source.topic in TABLES
        for entry in entries:
            if not is_table and type(entry) is Sourced and not _is_probe(entry):
                lane.reached = max(lane.reached, entry.event.event_time)
            lane.waiting.append((lane.reached, entry))
        lane.empty_since = now_s

    def depth(self, source: Source) -> int:
        """How many records of a partition wait."""
        lane = self._lanes.get(source)
        return len(lane.waiting) if lane else 0

    def is_read_out(self, source: Source) -> bool:
        """Whether there is no more of a partition: neither here nor, as last fetched, there."""
        lane = self._lanes.get(source)
        return lane is not None and not lane.waiting and not lane.behind

    def take(self, limit: int, now_s: float) -> list[Entry]:
        """Up to `limit` entries whose turn has come, in the order of their turn."""
        bound = self._bound(now_s)
        heads = [
            (lane.waiting[0][0], source, lane)
            for source, lane in self._lanes.items()
            if lane.waiting
        ]
        heapify(heads)
        taken: list[Entry] = []
        while heads and len(taken) < limit and heads[0][0] <= bound:
            _, source, lane = heads[0]
            taken.append(lane.waiting.popleft()[1])
            if lane.waiting:
                heapreplace(heads, (lane.waiting[0][0], source, lane))
            else:
                lane.empty_since = now_s
                heappop(heads)
                bound = min(bound, self._holds_back(source, lane, now_s))
        return taken

    def _bound(self, now_s: float) -> float:
        """The newest event time that no partition holds back."""
        held = (self._holds_back(source, lane, now_s) for source, lane in self._lanes.items())
        return min(held, default=inf)

    def _holds_back(self, source: Source, lane: Lane, now_s: float) -> float:
        if source.topic in TABLES or lane.waiting or not lane.behind:
            return inf
        lane.behind = now_s - lane.empty_since < self._max_idle_s
        return lane.reached if lane.behind else inf


def _is_probe(entry: Sourced) -> bool:
    """A probe comes from now, whatever time the log around it is of: it must not hold that up."""
    return bool(entry.event.is_probe)
