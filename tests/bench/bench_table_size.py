"""The time of a training step by the number of rows in the tables: it must not depend on it.

    python tests/bench/bench_table_size.py          # about four minutes, 3 GB

Each size runs in a process of its own, in turns; a batch has the same number of distinct rows
whatever the size. Beside the whole step: the tables' part of it, where a difference must come from.
Both also as CPU time of all threads, which tells on a machine that has other work to do.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

SIZES = (100_000, 1_000_000, 10_000_000)
STEPS = 30
WARM_UP = 5


class Run(NamedTuple):
    """Seconds of a step: by the clock, of all threads, and of those the tables' part."""

    wall: float
    cpu: float
    tables: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--rows", type=int, help="one run in this process")
    chosen = arguments.parse_args()
    if chosen.rows:
        print(json.dumps(_run(chosen.rows)))
        return
    found: dict[int, list[Run]] = {size: [] for size in SIZES}
    for _ in range(chosen.rounds):
        for size, runs in found.items():
            runs.append(_in_a_process(size))
    _report(found)


def _run(rows: int) -> Run:
    from tests.bench.dcn_training import FIELDS, batches, filled_ranker, scattered_ids

    ids = scattered_ids(rows // FIELDS)
    ranker = filled_ranker(ids)
    in_tables = _stopwatch(ranker.tables)
    steps: list[Run] = []
    for batch in islice(batches(len(ids), ids), STEPS):
        in_tables.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        ranker.learn(batch)
        step = (time.perf_counter() - wall, time.process_time() - cpu)
        steps.append(Run(*step, sum(in_tables)))
    return _medians(steps[WARM_UP:])


def _stopwatch(tables: object) -> list[float]:
    """CPU seconds of each call of the tables' methods from now on."""
    seconds: list[float] = []

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            start = time.process_time()
            try:
                return call(*arguments)
            finally:
                seconds.append(time.process_time() - start)

        return wrapped

    for name in ("keys", "locate", "gather", "learn"):
        setattr(tables, name, timed(getattr(tables, name)))
    return seconds


def _in_a_process(rows: int) -> Run:
    command = [sys.executable, __file__, "--rows", str(rows)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return Run(*json.loads(done.stdout.splitlines()[-1]))


def _report(found: dict[int, list[Run]]) -> None:
    print(
        f"{'rows':>12} {'step ms':>9} {'least':>8} {'most':>8} {'CPU ms':>8} {'in tables':>10} "
        f"{'step over least size':>21}  {'CPU':>6}"
    )
    smallest = _medians(found[SIZES[0]])
    for size, runs in found.items():
        walls = [1e3 * run.wall for run in runs]
        median = _medians(runs)
        print(
            f"{size:12,} {1e3 * median.wall:9.1f} {min(walls):8.1f} {max(walls):8.1f} "
            f"{1e3 * median.cpu:8.1f} {1e3 * median.tables:10.1f} "
            f"{median.wall / smallest.wall:21.3f}  {median.cpu / smallest.cpu:6.3f}"
        )


def _medians(runs: list[Run]) -> Run:
    return Run(*(statistics.median(column) for column in zip(*runs, strict=True)))


if __name__ == "__main__":
    main()
