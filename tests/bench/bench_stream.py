"""The stream worker on a backlog, and the idiomatic Faust agent with a table on the same backlog.

    python tests/bench/bench_stream.py [--events 100000] [--repeats 3]

Ours is the whole path: decode, validate, dedupe, features, Feast online (Redis), offline part
files, labelled examples with negatives, state and positions. The rival counts events per user in a
table and does nothing else. Each runs alone, as a process pinned to one core; the broker and Redis
have the others. Two figures: events per second by the clock, and per second of the process's CPU
time, which says what one core would do if nobody else wanted it.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from deploy.local import LocalServices, Process, local_services
from features.feature import View
from features.spec import ITEM_STATS, USER_STATS
from millstream.events import Interaction, ItemUpsert
from millstream.topics import INTERACTIONS, ITEMS
from tests.support.installation import Installation
from tests.support.stream_outcome import offline, position, send

USERS, CATALOGUE = 10_000, 3_000
START = 1.75e9
EVENTS_PER_SECOND = 1_000.0
TIMEOUT_S = 600.0


def catalogue() -> Iterator[ItemUpsert]:
    """Items with two categories each."""
    for n in range(CATALOGUE):
        yield ItemUpsert(
            event_id=f"item-{n}",
            event_time=START - 1,
            item_id=f"i{n}",
            title=f"Item {n}",
            categories=[f"c{n % 19}", f"c{n % 7}"],
        )


def events(count: int) -> Iterator[Interaction]:
    """Clicks and views; a few items get most of them."""
    random = Random(1)
    for n in range(count):
        yield Interaction(
            event_id=f"event-{n}",
            event_time=START + n / EVENTS_PER_SECOND,
            user_id=f"u{random.randrange(USERS)}",
            item_id=f"i{int(CATALOGUE * random.random() ** 2)}",
            kind="click" if random.random() < 0.5 else "view",
        )


@contextmanager
def installation(services: LocalServices, name: str) -> Iterator[Installation]:
    """Topics and folders of its own."""
    prefix = Installation.fresh_prefix(name)
    with (
        tempfile.TemporaryDirectory() as folder,
        Installation(
            services.bootstrap_servers,
            services.redis_url,
            prefix,
            Path(folder),
            feast_project=prefix.rstrip("."),
        ) as own,
    ):
        own.create_topics()
        yield own


def measured(worker: Process, done: Callable[[], int], count: int) -> tuple[float, float]:
    """Events per second by the clock and by CPU time, from a tenth of the backlog to its end."""
    process = psutil.Process(worker.pid)
    os.sched_setaffinity(worker.pid, {max(os.sched_getaffinity(0))})
    first = waited(done, count // 10)
    began, began_cpu = time.perf_counter(), sum(process.cpu_times()[:2])
    last = waited(done, count)
    wall_s, cpu_s = time.perf_counter() - began, sum(process.cpu_times()[:2]) - began_cpu
    return (last - first) / wall_s, (last - first) / cpu_s


def waited(done: Callable[[], int], count: int) -> int:
    """Wait until there are so many; how many there are."""
    deadline = time.monotonic() + TIMEOUT_S
    while (now := done()) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{now} of {count} events within {TIMEOUT_S:g} s")
        time.sleep(0.02)
    return now


def ours(services: LocalServices, count: int) -> tuple[float, float]:
    """The stream worker."""
    with installation(services, "bench") as own:
        own.choose(offline_flush_s=2.0)
        send(own.settings, catalogue())
        send(own.settings, events(count))
        worker = own.run("stream", ready=own.stream_listens)
        waited(lambda: position(own.settings, ITEMS), CATALOGUE)
        figures = measured(worker, lambda: position(own.settings, INTERACTIONS), count)
        for view in (USER_STATS, ITEM_STATS):
            waited(partial(_rows, own, view), count)
        return figures


def _rows(own: Installation, view: View) -> int:
    return offline(own.settings, view).num_rows


def rival(services: LocalServices, count: int) -> tuple[float, float]:
    """The idiomatic Faust agent."""
    with installation(services, "rival") as own:
        send(own.settings, events(count))
        topic = own.settings.topic(INTERACTIONS)
        command = [sys.executable, "-m", "tests.support.faust_rival", services.bootstrap_servers]
        command += [topic, str(INTERACTIONS.partitions), str(own.folder)]
        worker = Process("rival", command, own.folder / "rival.log")
        worker.start()
        try:
            # It tells its count ten times a second, and so not how it ends.
            return measured(worker, lambda: _last_number(worker), int(count * 0.9))
        finally:
            worker.kill()


def _last_number(worker: Process) -> int:
    numbers = [line for line in worker.log_tail(5).split() if line.isdigit()]
    return int(numbers[-1]) if numbers else 0


def report(name: str, figures: list[tuple[float, float]]) -> float:
    """Print medians with their spread; the median by CPU time."""
    wall, cpu = (
        [f"{value / 1e3:.1f}" for value in sorted(column)] for column in zip(*figures, strict=True)
    )
    by_cpu = statistics.median(figure[1] for figure in figures)
    by_clock = statistics.median(figure[0] for figure in figures)
    print(
        f"{name:28s} {by_clock / 1e3:6.1f} k events/s by the clock ({wall[0]} to {wall[-1]}), "
        f"{by_cpu / 1e3:6.1f} k per CPU second ({cpu[0]} to {cpu[-1]})"
    )
    return by_cpu


def main() -> None:
    """Run both, in turn, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    with local_services() as services:
        print(f"broker: {services.kind}; {os.cpu_count()} cores; {chosen.events} events")
        figures: dict[str, list[tuple[float, float]]] = {"ours": [], "rival": []}
        for _ in range(chosen.repeats):
            figures["ours"].append(ours(services, chosen.events))
            figures["rival"].append(rival(services, chosen.events // 4))
        mine = report("stream worker, whole path", figures["ours"])
        theirs = report("idiomatic Faust, one table", figures["rival"])
        print(f"ratio per CPU second: {mine / theirs:.1f}")


if __name__ == "__main__":
    main()
