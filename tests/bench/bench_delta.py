"""The time that serving takes to apply a delta to a table, and to look vectors up in it.

    python tests/bench/bench_delta.py               # about two minutes, 3 GB

Each size runs in a process of its own, in turns. The rival, in the same process, is the plain way:
a new sorted copy of the whole table for every delta.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from millstream.snapshots.layout import SHARED_ROW, TableRows
from serving.model.embedding_table import EmbeddingTable

SIZES = (10_000, 1_000_000, 4_000_000)
WIDTH = 16
DELTA = 10_000
NEW = DELTA // 10  # of its rows; the others are there already
LIST = 500
DELTAS, RIVAL_DELTAS, LISTS = 15, 3, 300
NONE = np.empty(0, np.int64)


class Run(NamedTuple):
    """Seconds: of a delta, and of looking up the items of a list; ours and the rival's."""

    delta: float
    rival_delta: float
    lookup: float
    rival_lookup: float


class Copied:
    """The rival: ids in order and vectors beside them, copied whole for every delta."""

    def __init__(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        self.ids, self.vectors = ids, vectors

    def lookup(self, ids: np.ndarray) -> np.ndarray:
        place = np.searchsorted(self.ids, ids)
        known = self.ids.take(place, mode="clip") == ids
        return self.vectors.take(np.where(known, place, len(self.ids)), axis=0)

    def updated(self, changes: TableRows) -> "Copied":
        stays = ~np.isin(self.ids, changes.ids)
        ids = np.concatenate([self.ids[stays], changes.ids])
        vectors = np.concatenate([self.vectors[:-1][stays], changes.vectors])
        order = np.argsort(ids, kind="stable")
        return Copied(ids[order], np.vstack([vectors[order], np.zeros(WIDTH, np.float32)]))


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
    rng = np.random.default_rng(rows)
    ids = np.unique(rng.integers(1, 2**62, rows))
    vectors = rng.random((len(ids), WIDTH), np.float32)
    table = EmbeddingTable.empty(WIDTH).updated(TableRows(ids, vectors, NONE))
    rival = Copied(ids, np.vstack([vectors, np.zeros(WIDTH, np.float32)]))
    deltas = [_delta(rng, ids) for _ in range(DELTAS)]
    versions = [table]  # the newest two are alive, as in a worker

    def ours(changes: TableRows) -> None:
        versions.append(versions[-1].updated(changes))
        del versions[:-2]

    lists = [rng.choice(ids, LIST) for _ in range(LISTS)]
    delta = _median(ours, deltas)
    rival_delta = _median(rival.updated, deltas[:RIVAL_DELTAS])
    return Run(
        delta, rival_delta, _median(versions[-1].lookup, lists), _median(rival.lookup, lists)
    )


def _delta(rng: np.random.Generator, ids: np.ndarray) -> TableRows:
    known = rng.choice(ids, min(DELTA - NEW - 1, len(ids) // 2), replace=False)
    changed = np.concatenate([known, rng.integers(1, 2**62, NEW), [SHARED_ROW]])
    return TableRows(changed, rng.random((len(changed), WIDTH), np.float32), NONE)


def _median(call: Callable[..., object], each: list) -> float:
    seconds = []
    for given in each:
        start = time.perf_counter()
        call(given)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _in_a_process(rows: int) -> Run:
    command = [sys.executable, __file__, "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Run(*json.loads(done.stdout.splitlines()[-1]))


def _report(found: dict[int, list[Run]]) -> None:
    print(f"a delta of {DELTA:,} rows, {NEW:,} of them new; lists of {LIST}; median (least, most)")
    for size, runs in found.items():
        cells = (_cell(name, [getattr(run, name) for run in runs]) for name in Run._fields)
        print(f"{size:>10,} rows: " + ", ".join(cells))


def _cell(name: str, seconds: list[float]) -> str:
    low, mid, high = (1e3 * x for x in (min(seconds), statistics.median(seconds), max(seconds)))
    return f"{name.replace('_', ' ')} {mid:.2f} ms ({low:.2f}, {high:.2f})"


if __name__ == "__main__":
    main()
