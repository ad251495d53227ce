"""Several stream workers on one backlog: what they do a CPU second, and what kills cost.

    python tests/bench/bench_workers.py [--events 100000] [--workers 1 3] [--repeats 3]
    python tests/bench/bench_workers.py --kills 30 [--events 20000]

The first form measures: events per second of all workers' CPU time, from a tenth of a backlog to
its end, both sides of the stream included. The second sends the log bit by bit, kills workers at
random (SIGKILL; every third one ends by itself between publishing and committing; every tenth is
paused for longer than its session instead, and wakes), and opens the ledger: events lost, events
doubled, users and items whose features are not bit for bit those of one plain fold; and how long
a killed worker's partitions stood still.
"""

import argparse
import os
import signal
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path
from random import Random

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from deploy.local import LocalServices, Process, local_services
from millstream.topics import INTERACTIONS, ITEMS
from tests.bench.bench_stream import CATALOGUE, catalogue, events, installation, waited
from tests.support.installation import Installation
from tests.support.outage import clicks
from tests.support.stream_cases import item_upsert
from tests.support.stream_ledger import differing, folded, ledger
from tests.support.stream_outcome import position, send

PAUSE_S = 9.0


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
        running = [psutil.Process(worker.pid) for worker in started(own, workers)]
        waited(lambda: position(own.settings, ITEMS), CATALOGUE)
        time.sleep(3.0)  # the last rebalance
        send(own.settings, events(count))
        first = waited(lambda: position(own.settings, INTERACTIONS), count // 10)
        began, began_cpu = time.perf_counter(), cpu_s(running)
        waited(lambda: position(own.settings, INTERACTIONS), count)
        done = count - first
        return done / (time.perf_counter() - began), done / (cpu_s(running) - began_cpu)


def cpu_s(running: list[psutil.Process]) -> float:
    """CPU seconds of processes so far."""
    return sum(sum(each.cpu_times()[:2]) for each in running)


def killed(services: LocalServices, kills: int, count: int) -> None:
    """Send a log while workers die, and open the ledger."""
    random = Random(kills)
    given, upserts = clicks(count, first=0), [item_upsert(-10, f"i{n}") for n in range(25)]
    rules = {
        "allowed_lateness_s": 1e6,
        "sampled_negatives": 1,
        "negative_shares": {"uniform": 1.0},
    }
    with installation(services, "kills") as own:
        own.choose(**rules)
        running = started(own, 3)
        send(own.settings, upserts)
        waited(lambda: position(own.settings, ITEMS), len(upserts))
        cuts = [len(given) * n // (kills + 1) for n in range(kills + 2)]
        still: list[float] = []
        for number, (first, last) in enumerate(pairwise(cuts)):
            send(own.settings, given[first:last])
            if number == kills:
                break
            time.sleep(random.uniform(0.0, 1.0))
            victim = running.pop(random.randrange(len(running)))
            began = time.monotonic()
            if number % 10 == 9:
                os.kill(victim.pid, signal.SIGSTOP)
                time.sleep(PAUSE_S)
                os.kill(victim.pid, signal.SIGCONT)
            else:
                victim.kill()
            waited(lambda: position(own.settings, INTERACTIONS), last)
            still.append(time.monotonic() - began)
            own.choose(stream_metrics_port=own.new_port())
            if number % 3 == 2:
                fragile = ("tests.support.fragile_worker", "0.2", str(number))
                running.append(own.run_python(*fragile))
            else:
                running.append(own.run("stream"))
            running = [worker for worker in running if worker.alive]
            while len(running) < 3:
                running += started(own, 1)
        waited(lambda: position(own.settings, INTERACTIONS), len(given))
        found = ledger(own.settings, given)
        fold = folded([*upserts, *given], allowed_lateness_s=1e6)
        wrong = differing(own.settings, given, fold)
        distinct = len({event.event_id for event in given})
        print(
            f"{kills} kills, {distinct} events: {len(found.lost)} lost, {len(found.doubled)} "
            f"doubled, {len(wrong)} users and items whose features differ, {found.sampled} "
            f"negatives; all worked on after a kill within {statistics.median(still):.1f} s "
            f"(median), {max(still):.1f} s (most)"
        )


def main() -> None:
    """Measure, or kill."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 3])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kills", type=int, default=0)
    chosen = parser.parse_args()
    with local_services() as services:
        print(f"broker: {services.kind}; {os.cpu_count()} cores")
        if chosen.kills:
            killed(services, chosen.kills, chosen.events or 20_000)
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
