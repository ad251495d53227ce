"""How far event time has come: the least of the partitions' newest times, less the lateness.

It follows from what was read and committed alone, so that a batch that is read again finds it where
it was. The clock has a say only through `advance`: what `stream/ingest/silence.py` proposes for
partitions that bring nothing is committed first, and decides from the next batch on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

from millstream.topics import IMPRESSIONS, INTERACTIONS
from stream.ingest.records import TopicPartition

# Topics whose events tell the time.
TIMED = frozenset({INTERACTIONS.name, IMPRESSIONS.name})
# Stands in `max_event_times` for the clock at which every partition was last known to be silent.
CLOCK = TopicPartition("clock", 0)
# A partition that is further behind the others than this is idle, not out of step.
OUT_OF_STEP_S = 300.0


@dataclass
class Watermark:
    """Event time over several partitions.

    Args:
        lateness_s: how far out of order an event may come.
        max_event_times: newest event time by partition; under `CLOCK` a time by the clock.
        awaited: partitions of which nothing is known yet: there is no watermark before it is.
    """

    lateness_s: float
    max_event_times: dict[TopicPartition, float] = field(default_factory=dict)
    awaited: set[TopicPartition] = field(default_factory=set)

    def expect(self, sources: Iterable[TopicPartition]) -> None:
        """Wait for partitions that have brought nothing yet."""
        timed = {source for source in sources if source.topic in TIMED}
        self.awaited = timed - self.max_event_times.keys()

    def observe(self, source: TopicPartition, event_time: float) -> None:
        """Note an event."""
        if event_time > self.max_event_times.get(source, -inf):
            self.max_event_times[source] = event_time
            self.awaited.discard(source)

    def advance(self, ticks: Mapping[TopicPartition, float]) -> None:
        """Take over what the clock proposes; nothing goes back."""
        for source, time in ticks.items():
            self.observe(source, time)

    def after(self, ticks: Mapping[TopicPartition, float]) -> "Watermark":
        """A copy that has taken `ticks` over."""
        copied = Watermark(self.lateness_s, dict(self.max_event_times), set(self.awaited))
        copied.advance(ticks)
        return copied

    def value(self) -> float:
        """No event older than this is expected; -inf before the first event."""
        if self.awaited:
            return -inf
        times = (time for source, time in self.max_event_times.items() if source != CLOCK)
        return min(times, default=-inf) - self.lateness_s

    def of(self, source: TopicPartition) -> float:
        """The watermark of one partition alone; that of all is at or below it."""
        return self.max_event_times.get(source, -inf) - self.lateness_s

    @property
    def clock_s(self) -> float:
        """Up to when, by the clock, nothing is outstanding in any partition."""
        return self.max_event_times.get(CLOCK, -inf)

    def newest(self) -> float:
        """The newest event time of all; -inf before the first event."""
        times = (time for source, time in self.max_event_times.items() if source != CLOCK)
        return max(times, default=-inf)

    def out_of_step_s(self) -> float:
        """How much event time the partitions of interactions are apart, but for idle ones."""
        topic = INTERACTIONS.name
        times = [time for source, time in self.max_event_times.items() if source.topic == topic]
        newest = max(times, default=0.0)
        return max((newest - t for t in times if newest - t <= OUT_OF_STEP_S), default=0.0)
