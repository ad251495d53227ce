"""Does any process grow? Memory of every process over time, under a steady load.

    python -m tests.bench.bench_soak --minutes 30 --rate 300

Every worker, a broker and a Redis of their own; people click and ask for lists. Prints resident
memory at the start and the end of the last 70 % of the time, and the slope of a line through it.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.faults.load import people
from tests.bench.faults.world import STREAMS, World, world

USERS, ITEMS = 20_000, 2_000
SAMPLE_S = 5.0
WARM_UP = 0.3
MB = 1e6

Samples = dict[str, list[tuple[float, float]]]


def main() -> None:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="how long")
    parser.add_argument("--rate", type=float, default=300.0, help="clicks a second")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        world(Path(folder), USERS, ITEMS) as found,
    ):
        found.start()
        with people(found, options.rate):
            samples = sampled(found, 60.0 * options.minutes)
    Console().print(table(samples))


def sampled(found: World, seconds: float) -> Samples:
    """(seconds, bytes) of each process."""
    samples: Samples = defaultdict(list)
    began_s = time.monotonic()
    while (at_s := time.monotonic() - began_s) < seconds:
        for name, pid in pids(found).items():
            samples[name].append((at_s, psutil.Process(pid).memory_info().rss))
        time.sleep(SAMPLE_S)
    return samples


def pids(found: World) -> dict[str, int]:
    """Every process of the product, and both services."""
    workers = {name: found.kept[name].pid for name in (*STREAMS, "trainer", "serving")}
    return {**workers, "redis": found.redis.process.pid, "kafka": found.kafka.process.pid}


def table(samples: Samples) -> Table:
    """For people."""
    shown = Table("process", "begin (MB)", "end (MB)", "slope (MB/min)")
    for name, points in samples.items():
        late = np.array(points[int(len(points) * WARM_UP) :])
        slope = np.polyfit(late[:, 0] / 60.0, late[:, 1] / MB, 1)[0]
        begin, end = late[0, 1] / MB, late[-1, 1] / MB
        shown.add_row(name, f"{begin:,.0f}", f"{end:,.0f}", f"{slope:+.2f}")
    return shown


if __name__ == "__main__":
    main()
