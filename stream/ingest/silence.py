"""Silence of partitions by the clock: which are silent, and since when.

A partition is quiet when everything on the broker has been read of it, nothing of it is buffered,
and the broker was asked just now. After it has been quiet for `idle_s` it no longer holds back the
watermark. After a time in which the broker could not be asked, it must be quiet for one and a half
times as long more (at most `LONGEST_S`): clients double their pauses between two tries, and what
producers have kept in the meantime comes as late. A new assignment changes nothing of that.

These are proposals: `stream.state.watermark.Watermark` takes them over with the state of a batch.
"""

from collections.abc import Iterable
from enum import Enum, auto
from math import inf

from stream.ingest.records import TopicPartition
from stream.state.watermark import CLOCK, TIMED, Watermark

LONGEST_S = 45.0
# How much longer than the broker was away its clients may be.
BACKOFF = 1.5


class PartitionActivity(Enum):
    """Activity of a partition at this moment."""

    BUSY = auto()  # it has more, here or on the broker
    QUIET = auto()  # all of it was read
    AWAY = auto()  # the broker does not say


class Silence:
    """The partitions that tell the time, and how long they have been quiet.

    Args:
        idle_s: how long a partition must be quiet to be silent.
    """

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._sources: frozenset[TopicPartition] = frozenset()
        self._quiet_since: dict[TopicPartition, float] = {}
        self._away_since: dict[TopicPartition, float] = {}
        self._needed: dict[TopicPartition, float] = {}

    def assign(self, sources: Iterable[TopicPartition]) -> None:
        """Begin anew with these partitions; how long each was away is still known."""
        self._sources = frozenset(source for source in sources if source.topic in TIMED)
        self._quiet_since = {}
        for known in (self._away_since, self._needed):
            for source in known.keys() - self._sources:
                del known[source]

    @property
    def sources(self) -> frozenset[TopicPartition]:
        """Those that are asked about."""
        return self._sources

    def note(self, source: TopicPartition, activity: PartitionActivity, now_s: float) -> None:
        """Note how a partition stands."""
        if activity is PartitionActivity.AWAY:
            self._away_since.setdefault(source, now_s)
        elif (away_since := self._away_since.pop(source, None)) is not None:
            needed = BACKOFF * (now_s - away_since) + self._idle_s
            self._needed[source] = min(needed, LONGEST_S)
        if activity is PartitionActivity.QUIET:
            self._quiet_since.setdefault(source, now_s)
        else:
            self._quiet_since.pop(source, None)

    def ticks(self, watermark: Watermark, now_s: float) -> dict[TopicPartition, float]:
        """Proposed times: the newest of all for silent partitions, and the clock."""
        silent = [source for source in self._sources if self._is_silent(source, now_s)]
        newest = watermark.newest()
        found = {s: newest for s in silent if watermark.max_event_times.get(s, -inf) < newest}
        if silent and len(silent) == len(self._sources):
            found[CLOCK] = now_s
        return found

    def _is_silent(self, source: TopicPartition, now_s: float) -> bool:
        since = self._quiet_since.get(source, inf)
        if now_s - since < self._needed.get(source, self._idle_s):
            return False
        self._needed.pop(source, None)
        return True
