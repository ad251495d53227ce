"""How long the world takes to be well again after a fault."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

from tests.bench.faults.world import World

WATCH_S = 0.5
LONGEST_S = 120.0


@dataclass
class Recoveries:
    """Seconds from the end of a fault until features, lists and snapshots are there again.

    Args:
        seconds: by kind of fault; infinite where it did not recover in time.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def count(self) -> int:
        """How many faults there were."""
        return sum(map(len, self.seconds.values()))

    def rows(self) -> list[tuple[str, int, float, float]]:
        """Kind, how many, median, longest."""
        return [
            (kind, len(times), median(times), max(times))
            for kind, times in sorted(self.seconds.items())
        ]


def wait_well(world: World, backlog: int) -> float:
    """Wait until features are fresh, lists are answered and a newer snapshot is on disk; seconds.

    Args:
        backlog: events behind with which features count as fresh.
    """
    began_s = time.monotonic()
    version = world.newest_version()
    while time.monotonic() - began_s < LONGEST_S:
        if _is_well(world, backlog, version):
            return time.monotonic() - began_s
        time.sleep(WATCH_S)
    return float("inf")


def _is_well(world: World, backlog: int, version: int) -> bool:
    try:
        return world.answers() and world.newest_version() > version and world.behind() <= backlog
    except Exception:  # a service that is away answers each client in its own way
        return False
