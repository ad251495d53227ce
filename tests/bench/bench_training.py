"""Training a DCN-V2 (22 sparse fields, 16 wide, 1 M rows) by batch size: the learner against Keras.

    python tests/bench/bench_training.py            # about ten minutes
    python tests/bench/bench_training.py --rank "rank 64" --rounds 3

Twice: with crosses of rank 64, as in production, and with full ones, where the matrix products
that both contenders share are most of the work. `fit` moves whole tables in every step, the learner
the rows of the batch: the smaller the batch, the more that tells, and 256 is the product's default.

Each contender runs in a process of its own, in turns. The learner's step is all of it: ids to rows,
scores before learning, the update of rows and dense weights. CPU seconds tell on a machine that has
other work to do.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

ROWS = 1_000_000
SIZES = (256, 512, 1024, 2048)
STEPS = 20
WARM_UP = 4
RANKS = {"rank 64": 64, "full rank": None}


class Took(NamedTuple):
    """Seconds of the measured steps: by the clock, and of all threads."""

    wall: float
    cpu: float


Runs = dict[int, Took]  # by batch size


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--rank", choices=RANKS, help="one of both networks")
    arguments.add_argument("--run", choices=CONTENDERS, help="one run in this process")
    chosen = arguments.parse_args()
    if chosen.run:
        print(json.dumps(CONTENDERS[chosen.run](RANKS[chosen.rank])))
        return
    for rank in [chosen.rank] if chosen.rank else RANKS:
        found: dict[str, list[Runs]] = {name: [] for name in CONTENDERS}
        for _ in range(chosen.rounds):
            for name, runs in found.items():
                runs.append(_in_a_process(name, rank))
        _report(rank, found)


def _keras(optimiser: str) -> Callable[[int | None], Runs]:
    def run(rank: int | None) -> Runs:
        import keras

        from tests.bench.dcn_training import FIELDS, batches, network

        rows = ROWS // FIELDS
        model = network(rows + 1, rank)
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(keras.optimizers.get(optimiser), loss)
        found = {}
        for size in SIZES:
            given = list(islice(batches(rows, size=size), STEPS))
            labels = np.concatenate([batch.labels for batch in given])
            inputs = {
                name: np.concatenate([batch.inputs[name] for batch in given])
                for name in given[0].inputs
            }
            first = {name: column[: WARM_UP * size] for name, column in inputs.items()}
            model.fit(first, labels[: WARM_UP * size], batch_size=size, verbose=0)
            with _stopwatch() as took:
                model.fit(inputs, labels, batch_size=size, verbose=0)
            found[size] = took()
        return found

    return run


def _learner(rank: int | None) -> Runs:
    from tests.bench.dcn_training import FIELDS, batches, filled_ranker, scattered_ids

    rows = ROWS // FIELDS
    ids = scattered_ids(rows)
    ranker = filled_ranker(ids, rank)
    found = {}
    for size in SIZES:
        given = list(islice(batches(rows, ids, size), STEPS + WARM_UP))
        for batch in given[:WARM_UP]:
            ranker.learn(batch)
        with _stopwatch() as took:
            for batch in given[WARM_UP:]:
                ranker.learn(batch)
        found[size] = took()
    return found


CONTENDERS: dict[str, Callable[[int | None], Runs]] = {
    "learner": _learner,
    "keras fit, adagrad": _keras("adagrad"),
    "keras fit, adam": _keras("adam"),
}


@contextmanager
def _stopwatch() -> Iterator[Callable[[], Took]]:
    start = Took(time.perf_counter(), time.process_time())
    end: list[Took] = []
    yield lambda: Took(*(b - a for a, b in zip(start, end[0], strict=True)))
    end.append(Took(time.perf_counter(), time.process_time()))


def _in_a_process(name: str, rank: str) -> Runs:
    command = [sys.executable, __file__, "--run", name, "--rank", rank]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return {
        int(size): Took(*took) for size, took in json.loads(done.stdout.splitlines()[-1]).items()
    }


def _report(rank: str, found: dict[str, list[Runs]]) -> None:
    print(
        f"{rank:20} {'batch':>6} {'examples/s':>10} {'least':>9} {'most':>9} "
        f"{'CPU ms a step':>14}  learner is"
    )
    for size in SIZES:
        ours = _medians([run[size] for run in found["learner"]])
        for name, runs in found.items():
            took = [run[size] for run in runs]
            rates = [STEPS * size / each.wall for each in took]
            median = _medians(took)
            print(
                f"{name:20} {size:6} {statistics.median(rates):10,.0f} {min(rates):9,.0f} "
                f"{max(rates):9,.0f} {1e3 * median.cpu / STEPS:14.1f}  "
                f"{median.wall / ours.wall:.2f}x as fast, "
                f"{ours.cpu / median.cpu:.2f} of the CPU time"
            )


def _medians(runs: list[Took]) -> Took:
    return Took(*(statistics.median(column) for column in zip(*runs, strict=True)))


if __name__ == "__main__":
    main()
