"""Several stream workers on one backlog: what they do a CPU second, and what kills cost.

    python tests/bench/bench_workers.py [--events 100000] [--workers 1 3] [--repeats 3]
    python tests/bench/bench_workers.py --kills 30 [--events 20000] [--seed 1]

The first form measures: events per second of all workers' CPU time, from a quarter of a backlog to
its end, both sides of the stream included; all workers begin at once. The second sends a log bit by
bit, while items arrive and change, and kills one of three workers after each bit, at random
(SIGKILL). Every third one that comes in its place ends by itself, now and then, between publishing
and committing; after every tenth another one is stopped for longer than its session, and wakes.
Then it opens the ledger: events lost, events doubled, users and items whose features are not bit
for bit those of one plain fold; how many workers ended by themselves, and why; and how long it took
after a kill, where nobody else ended, until all that was sent was worked on.
"""

import argparse
import os
import signal
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import psutil
from redis import Redis

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from deploy.local import LocalServices, Process, local_services
from millstream.events import Event
from millstream.topics import INTERACTIONS, ITEMS
from tests.bench.bench_stream import catalogue, events, installation, waited
from tests.support.installation import Installation
from tests.support.outage import ITEMS as CLICKED
from tests.support.outage import clicks
from tests.support.stream_cases import item_upsert
from tests.support.stream_ledger import differing, folded, ledger
from tests.support.stream_outcome import position, send

PAUSE_S = 9.0
LATENESS_S = 1e6
RULES: dict[str, Any] = {
    "allowed_lateness_s": LATENESS_S,
    "sampled_negatives": 1,
    "negative_shares": {"uniform": 1.0},
}


def started(own: Installation, count: int) -> list[Process]:
    """Workers of one installation."""
    found = []
    for _ in range(count):
        own.choose(stream_metrics_port=own.new_port())
        found.append(own.run("stream", ready=own.stream_listens))
    return found


def measured(services: LocalServices, workers: int, count: int) -> tuple[float, float]:
    """Events per second by the clock, and per CPU second of all workers together."""
    with installation(services, f"workers-{workers}") as own:
        own.choose(offline_flush_s=2.0)
        send(own.settings, catalogue())
        with nobody_begins(own):
            running = [psutil.Process(worker.pid) for worker in started(own, workers)]
            send(own.settings, events(count))
        first = waited(lambda: position(own.settings, INTERACTIONS), count // 4)
        began, began_cpu = time.perf_counter(), cpu_s(running)
        waited(lambda: position(own.settings, INTERACTIONS), count)
        done = count - first
        return done / (time.perf_counter() - began), done / (cpu_s(running) - began_cpu)


@contextmanager
def nobody_begins(own: Installation) -> Iterator[None]:
    """Hold the lease, so that all workers join the group at once, on a backlog, when it ends."""
    with Redis.from_url(own.settings.redis_url) as client:
        lease = f"{own.settings.topic_prefix}stream:lease"
        client.set(lease, "bench")
        yield
        client.delete(lease)


def cpu_s(running: list[psutil.Process]) -> float:
    """CPU seconds of processes so far."""
    return sum(sum(each.cpu_times()[:2]) for each in running)


class Trouble:
    """Three workers of an installation, and what is done to them."""

    def __init__(self, own: Installation, random: Random) -> None:
        self.own, self.random = own, random
        self.running = started(own, 3)
        self.paused = self.broken = 0
        self.ended: list[str] = []

    def kill(self) -> None:
        """Kill one."""
        self.running.pop(self.random.randrange(len(self.running))).kill()

    def pause(self) -> None:
        """Stop one for longer than its session."""
        one = self.random.choice(self.running)
        os.kill(one.pid, signal.SIGSTOP)
        time.sleep(PAUSE_S)
        os.kill(one.pid, signal.SIGCONT)
        self.paused += 1

    def missing(self) -> bool:
        """Forget those that have ended by themselves; whether there are any."""
        ended = [worker for worker in self.running if not worker.alive]
        self.running = [worker for worker in self.running if worker.alive]
        for worker in ended:
            if worker.name.startswith("fragile"):
                self.broken += 1
            else:
                self.ended.append(worker.log_tail(1).strip())
        return bool(ended)

    def fill(self, fragile: int | None) -> None:
        """Start as many as are missing.

        Args:
            fragile: seed of the first of them, if it is one that breaks.
        """
        self.own.choose(stream_metrics_port=self.own.new_port())
        if fragile is not None:
            module = "tests.support.fragile_worker"
            self.running.append(self.own.run_python(module, "0.2", str(fragile)))
        while len(self.running) < 3:
            self.running += started(self.own, 1)


def killed(services: LocalServices, kills: int, count: int, seed: int) -> None:
    """Send a log while workers die, and open the ledger."""
    random = Random(seed)
    given, upserts = clicks(count, first=0), [item_upsert(-10, item) for item in CLICKED]
    with installation(services, "kills") as own:
        own.choose(**RULES)
        own.forks = True  # dozens of starts do not import everything again
        trouble = Trouble(own, random)
        cuts = [len(given) * n // (kills + 1) for n in range(kills + 2)]
        still: list[float] = []
        for number, (first, last) in enumerate(pairwise(cuts)):
            arriving = [item_upsert(first / 50, f"new{number}"), item_upsert(first / 50, "i0")]
            upserts += arriving if number else []
            send(own.settings, arriving if number else upserts)
            send(own.settings, given[first:last])
            if number < kills:
                time.sleep(random.uniform(0.0, 1.0))
                began = time.monotonic()
                trouble.kill()
                waited(lambda: position(own.settings, INTERACTIONS), last)
                took_s = time.monotonic() - began
                if not trouble.missing():
                    still.append(took_s)
                print(f"kill {number + 1}: all worked on after {took_s:.1f} s", file=sys.stderr)
                trouble.fill(number if number % 3 == 2 else None)
            if number % 10 == 9:
                trouble.pause()
        waited(lambda: position(own.settings, INTERACTIONS), len(given))
        waited(lambda: position(own.settings, ITEMS), len(upserts))
        trouble.missing()
        report(own, trouble, given, upserts, still)


def report(
    own: Installation,
    trouble: Trouble,
    given: Sequence[Event],
    upserts: Sequence[Event],
    still: Sequence[float],
) -> None:
    """Open the ledger."""
    found = ledger(own.settings, given)
    fold = folded([*upserts, *given], allowed_lateness_s=LATENESS_S)
    wrong = differing(own.settings, given, fold)
    distinct = len({event.event_id for event in given})
    print(
        f"{distinct} events, {len(upserts)} upserts: {len(found.lost)} lost, "
        f"{len(found.doubled)} doubled, {len(wrong)} users and items whose features differ, "
        f"{found.sampled} negatives; {trouble.paused} pauses, {trouble.broken} ends between "
        f"publishing and committing; all worked on after a kill within "
        f"{statistics.median(still):.1f} s (median), {max(still):.1f} s (most) of {len(still)}"
    )
    for end in trouble.ended:
        print(f"ended by itself: {end}")


def main() -> None:
    """Measure, or kill."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 3])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with local_services() as services:
        print(f"broker: {services.kind}; {os.cpu_count()} cores")
        if chosen.kills:
            killed(services, chosen.kills, chosen.events or 20_000, chosen.seed)
            return
        figures: dict[int, list[tuple[float, float]]] = {n: [] for n in chosen.workers}
        for _ in range(chosen.repeats):
            for workers in chosen.workers:
                count = chosen.events or 100_000
                figures[workers].append(measured(services, workers, count))
        for workers, found in figures.items():
            wall, cpu = (sorted(column) for column in zip(*found, strict=True))
            print(
                f"{workers} workers: {statistics.median(cpu) / 1e3:.1f} k events per CPU second "
                f"({cpu[0] / 1e3:.1f} to {cpu[-1] / 1e3:.1f}), "
                f"{statistics.median(wall) / 1e3:.1f} k/s by the clock"
            )


if __name__ == "__main__":
    main()
