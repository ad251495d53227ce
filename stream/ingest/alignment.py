"""Buffers between the consumer and the core: partitions are worked on in step, by event time.

Each partition's records stay in their order; between partitions the one whose next event is the
oldest goes first (by the running maximum of its event times, so that one late event does not hold
up its own partition). A partition that has more on the broker, but nothing buffered yet, holds back
events that are newer than what it had last: for at most `max_idle_s`, in case it cannot be read. So
a backlog is replayed as it happened, whichever partition is fetched first.

The catalogue's topics are tables, not histories: they are not aligned and go first. So do touches,
which were aligned when their events were worked on; a message of them counts as its rows.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace
from math import inf

from millstream.topics import ITEMS, TOUCHES, USERS
from stream.ingest.records import (
    EventRecord,
    InvalidRecord,
    StrayRecord,
    TopicPartition,
    TouchesRecord,
)

# They are ordered by nothing but their offsets, and go first.
TABLES = frozenset({ITEMS.name, TOUCHES.name, USERS.name})

DecodedRecord = EventRecord | InvalidRecord | StrayRecord | TouchesRecord


@dataclass
class PartitionBuffer:
    """One partition's buffer.

    Args:
        queued: (event time so far, entry), oldest first.
        max_event_time: the newest event time that was buffered.
        behind: more was on the broker when it was last read.
        empty_since: since when it has been waited for.
        rows: how many rows of touches are queued beyond one a message.
    """

    queued: deque[tuple[float, DecodedRecord]] = field(default_factory=deque)
    max_event_time: float = -inf
    behind: bool = False
    empty_since: float = 0.0
    rows: int = 0


class Alignment:
    """Event-time alignment of all partitions that this worker reads.

    Args:
        max_idle_s: the longest that a partition without records holds back the others.
    """

    def __init__(self, max_idle_s: float) -> None:
        self._max_idle_s = max_idle_s
        self._buffers: dict[TopicPartition, PartitionBuffer] = {}

    def assign(self, behind: Mapping[TopicPartition, bool], now_s: float) -> None:
        """Begin anew, empty, with these partitions; which of them have anything to read."""
        self._buffers = {
            source: PartitionBuffer(behind=has_more, empty_since=now_s)
            for source, has_more in behind.items()
        }

    def put(
        self, source: TopicPartition, entries: Iterable[DecodedRecord], behind: bool, now_s: float
    ) -> None:
        """Buffer what was read of one partition; one that is not assigned is left out.

        Args:
            behind: there is more on the broker.
        """
        buffer = self._buffers.get(source)
        if buffer is None:
            return
        buffer.behind = behind
        is_table = source.topic in TABLES
        for entry in entries:
            buffer.rows += _more(entry)
            if (
                not is_table
                and isinstance(entry, EventRecord | StrayRecord)
                and not is_probe(entry)
            ):
                buffer.max_event_time = max(buffer.max_event_time, entry.event.event_time)
            buffer.queued.append((buffer.max_event_time, entry))
        buffer.empty_since = now_s

    def depth(self, source: TopicPartition) -> int:
        """How many records of a partition wait."""
        buffer = self._buffers.get(source)
        return len(buffer.queued) + buffer.rows if buffer else 0

    def has_backlog(self, count: int) -> bool:
        """Return whether `count` records that tell the time wait here, or any on the broker."""
        timed = [b for source, b in self._buffers.items() if source.topic not in TABLES]
        return any(b.behind for b in timed) or sum(len(b.queued) for b in timed) >= count

    def is_read_out(self, source: TopicPartition) -> bool:
        """Return whether a partition is read out: nothing buffered, nothing more on the broker."""
        buffer = self._buffers.get(source)
        return buffer is not None and not buffer.queued and not buffer.behind

    def take(self, limit: int, now_s: float) -> list[DecodedRecord]:
        """Up to `limit` events whose turn has come, in the order of their turn.

        Touches are counted for themselves, so that neither side of the stream starves the other.
        """
        bound = self._bound(now_s)
        heads = [
            (buffer.queued[0][0], source, buffer)
            for source, buffer in self._buffers.items()
            if buffer.queued
        ]
        heapify(heads)
        taken: list[DecodedRecord] = []
        rows = messages = 0
        while heads and len(taken) - messages < limit and heads[0][0] <= bound:
            _, source, buffer = heads[0]
            if source.topic == TOUCHES.name and rows >= limit:
                heappop(heads)
                continue
            entry = buffer.queued.popleft()[1]
            taken.append(entry)
            if isinstance(entry, TouchesRecord):
                messages, rows = messages + 1, rows + len(entry.table)
                buffer.rows -= _more(entry)
            if buffer.queued:
                heapreplace(heads, (buffer.queued[0][0], source, buffer))
            else:
                buffer.empty_since = now_s
                heappop(heads)
                bound = min(bound, self._holds_back(source, buffer, now_s))
        return taken

    def _bound(self, now_s: float) -> float:
        """The newest event time that no partition holds back."""
        held = (self._holds_back(source, buffer, now_s) for source, buffer in self._buffers.items())
        return min(held, default=inf)

    def _holds_back(self, source: TopicPartition, buffer: PartitionBuffer, now_s: float) -> float:
        if source.topic in TABLES or buffer.queued or not buffer.behind:
            return inf
        buffer.behind = now_s - buffer.empty_since < self._max_idle_s
        return buffer.max_event_time if buffer.behind else inf


def is_probe(entry: DecodedRecord) -> bool:
    """Return whether `entry` is a probe: it neither advances event time nor breaks a silence."""
    return isinstance(entry, EventRecord | StrayRecord) and bool(entry.event.is_probe)


def _more(entry: DecodedRecord) -> int:
    return max(len(entry.table) - 1, 0) if isinstance(entry, TouchesRecord) else 0
