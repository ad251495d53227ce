"""How far event time has come: the least of the partitions' newest times, less the lateness.

A partition that is silent does not hold back the others; when all are, the newest time decides.
"""

from dataclasses import dataclass, field
from math import inf

from stream.records import Source


@dataclass
class Watermark:
    """Event time over several partitions.

    Args:
        lateness_s: how far out of order an event may come.
        idle_s: a partition that has brought nothing for so long (by the clock) is left out.
        reached: newest event time by partition.
        heard_at: when a partition last brought something, by the clock.
    """

    lateness_s: float
    idle_s: float
    reached: dict[Source, float] = field(default_factory=dict)
    heard_at: dict[Source, float] = field(default_factory=dict)

    def observe(self, source: Source, event_time: float, now_s: float) -> None:
        """Note an event."""
        if event_time > self.reached.get(source, -inf):
            self.reached[source] = event_time
        self.heard_at[source] = now_s

    def resume(self, now_s: float) -> None:
        """Expect every known partition to bring something: begin to count its silence anew."""
        self.heard_at = dict.fromkeys(self.reached, now_s)

    def value(self, now_s: float) -> float:
        """No event older than this is expected; -inf before the first event."""
        spoke = [
            time
            for source, time in self.reached.items()
            if now_s - self.heard_at.get(source, -inf) < self.idle_s
        ]
        newest = min(spoke) if spoke else max(self.reached.values(), default=-inf)
        return newest - self.lateness_s
