"""Examples per CPU second of rankers: Keras `fit`, the online step, and DeepCTR's `fit` beside.

    python tests/bench/bench_rankers.py deepfm dcn_v2 xdeepfm
    python tests/bench/bench_rankers.py all --rounds 3 --rival RIVAL/bin/python

20 id fields of 5,000 ids each, 16 wide, batches of 2048, Adam, every option at its default. CPU
seconds are those of all threads: they tell on a machine that has other work to do. DeepCTR needs an
older TensorFlow and so an environment of its own:

    python -m venv RIVAL && RIVAL/bin/pip install 'tensorflow-cpu==2.15.*' deepctr 'numpy<2'

Each contender runs in a process of its own, in turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from models.catalogue import CATALOGUE

HISTORY = "behaviour sequence"
NAMES = [
    entry.name
    for entry in CATALOGUE
    if entry.task == "ranking" and entry.learns_online and entry.family != HISTORY
]
RIVAL = Path(__file__).parent / "rivals" / "deepctr_fit.py"
STEPS, WARM_UP = 30, 5


class Rate(NamedTuple):
    """Examples per CPU second: of the median run, the slowest and the fastest."""

    median: float
    least: float
    most: float


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("models", nargs="+", choices=[*NAMES, "all"], metavar="MODEL")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--rival", help="Python of the environment that has DeepCTR")
    arguments.add_argument("--run", choices=RUNS, help="one run in this process")
    chosen = arguments.parse_args()
    names = NAMES if "all" in chosen.models else chosen.models
    if chosen.run:
        print(json.dumps(RUNS[chosen.run](names[0])))
        return
    print(
        f"{'examples/CPU s':18} {'fit':>24} {'online step':>24} {'DeepCTR fit':>24}   fit over it"
    )
    for name in names:
        _report(name, chosen.rounds, chosen.rival)


def _report(name: str, rounds: int, rival: str | None) -> None:
    commands = {run: [sys.executable, __file__, name, "--run", run] for run in RUNS}
    if rival:
        commands["rival"] = [rival, str(RIVAL), name]
    found: dict[str, list[float]] = {run: [] for run in commands}
    for _ in range(rounds):
        for run, command in commands.items():
            found[run] += _rates(command)
    cells = {run: _rate(rates) for run, rates in found.items()}
    texts = [_text(cells.get(run)) for run in (*RUNS, "rival")]
    over = cells["fit"], cells.get("rival")
    ratio = f"{over[0].median / over[1].median:10.2f}" if over[0] and over[1] else f"{'–':>10}"
    print(f"{name:18} {' '.join(texts)} {ratio}", flush=True)


def _rates(command: list[str]) -> list[float]:
    """Examples per CPU second of each measured epoch; none where the rival lacks the model."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        if str(RIVAL) in command and "KeyError" in done.stderr:
            return []
        raise SystemExit(done.stderr)
    took = json.loads(done.stdout.splitlines()[-1])
    return [took["rows"] / seconds for seconds in took["seconds"]]


def _rate(rates: list[float]) -> Rate | None:
    return Rate(statistics.median(rates), min(rates), max(rates)) if rates else None


def _text(rate: Rate | None) -> str:
    if rate is None:
        return f"{'–':>24}"
    return f"{rate.median:10,.0f} ({rate.least / 1e3:4.0f}-{rate.most / 1e3:3.0f} k)".rjust(24)


def _fit(name: str) -> dict:
    import keras

    from models.catalogue import build
    from models.fields import Field
    from tests.bench import ranker_rows as given

    fields = [Field(field, width=given.WIDTH, rows=given.IDS + 1) for field in given.names()]
    model = build(name, fields)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=False)  # as `millstream eval` does
    x, y = given.rows()
    took = []
    for _ in range(1 + given.EPOCHS):
        start = time.process_time()
        model.fit(x, y, batch_size=given.BATCH, epochs=1, verbose=0)
        took.append(time.process_time() - start)
    return {"rows": len(y), "seconds": took[1:]}


def _online(name: str) -> dict:
    import keras
    import numpy as np

    from models.catalogue import build
    from models.fields import Field
    from models.split import split
    from online_trainer.embeddings.arena import Policy
    from online_trainer.embeddings.optimisers import RowAdagrad
    from online_trainer.embeddings.tables import DynamicTables
    from online_trainer.learners.batch import Batch
    from online_trainer.learners.ranker import Ranker
    from tests.bench import ranker_rows as given

    model = build(name, [Field(field, width=given.WIDTH) for field in given.names()])
    parts = split(model)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad()}, Policy(admit_after=1))
    ranker = Ranker(model, parts, tables, keras.optimizers.Adam(0.001))
    x, y = given.rows()
    ones, none = np.ones(given.BATCH, np.float32), np.zeros(given.BATCH, bool)

    def batch(step: int) -> Batch:
        part = slice(step * given.BATCH, (step + 1) * given.BATCH)
        return Batch({field: ids[part] for field, ids in x.items()}, y[part], ones, none)

    for step in range(WARM_UP):
        ranker.learn(batch(step))
    start = time.process_time()
    for step in range(WARM_UP, WARM_UP + STEPS):
        ranker.learn(batch(step))
    return {"rows": STEPS * given.BATCH, "seconds": [time.process_time() - start]}


RUNS: dict[str, Callable[[str], dict]] = {"fit": _fit, "online": _online}


if __name__ == "__main__":
    main()
