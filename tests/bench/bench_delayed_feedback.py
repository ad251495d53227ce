"""What delays of positives cost, and how much of it the losses of delayed feedback win back.

    python tests/bench/bench_delayed_feedback.py [--ratings ml-1m/ratings.dat] [--rows 200000]

A log of shown items with their true labels: ratings of MovieLens-1M, liked from 4 stars on, or a
made one. Delays are imposed: an item is a negative when it is shown, and a positive comes so many
rows later, exponentially distributed with mean `--delay`. The same ranker learns from that stream
by each loss, and, as the oracle, from true labels at once; all score each item when it is shown.
Over the second half: AUC, log loss and mean score over mean label against the true labels, and the
share of the gap between `none` and the oracle that a loss closes.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from models.fields import Field, Task
from models.losses.delayed_feedback import Delayed
from models.metrics import Auc, Calibration, LogLoss, Scored
from models.ranking.dcn_v2 import dcn_v2
from models.split import split
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.batch import Batch
from online_trainer.learners.heads import Tasks
from online_trainer.learners.ranker import Ranker

BATCH, SEEDS = 512, 3
LIKED_FROM = 4
FIELDS = [Field("user_id", width=16), Field("item_id", width=16)]
MADE_USERS, MADE_ITEMS, MADE_RATE = 2_000, 500, 0.3
VARIANTS: tuple[tuple[str, Delayed], ...] = (
    ("oracle", "none"),
    ("none", "none"),
    ("fnw", "fnw"),
    ("fnc", "fnc"),
)


class Log(NamedTuple):
    """Shown items in their order; (rows,) each.

    Args:
        labels: 1.0 where the item was liked.
    """

    users: np.ndarray
    items: np.ndarray
    labels: np.ndarray


def read(file: Path, rows: int) -> Log:
    """The first ratings by time."""
    text = file.read_text(encoding="latin-1").replace("::", " ")
    table = np.array(text.split(), np.int64).reshape(-1, 4)
    table = table[np.argsort(table[:, 3], kind="stable")][:rows]
    return Log(table[:, 0], table[:, 1], (table[:, 2] >= LIKED_FROM).astype(np.float32))


def made(rows: int) -> Log:
    """Users and items with odds of their own."""
    rng = np.random.default_rng(0)
    users, items = rng.integers(1, MADE_USERS, rows), rng.integers(1, MADE_ITEMS, rows)
    odds = rng.normal(size=MADE_USERS)[users] + rng.normal(size=MADE_ITEMS)[items]
    chances = 1.0 / (1.0 + np.exp(-odds - np.log(MADE_RATE / (1 - MADE_RATE))))
    return Log(users, items, (rng.random(rows) < chances).astype(np.float32))


class Stream(NamedTuple):
    """Examples in the order in which they come; (examples,) each.

    Args:
        rows: of the log.
        labels: as they come.
        is_shown: whether it is the row's own moment, or its correction.
    """

    rows: np.ndarray
    labels: np.ndarray
    is_shown: np.ndarray


def stream_of(log: Log, delay: float, seed: int, *, is_oracle: bool) -> Stream:
    """The examples of a log; corrections after its end never come."""
    rows, count = np.arange(len(log.labels)), len(log.labels)
    if is_oracle:
        return Stream(rows, log.labels, np.ones(count, bool))
    liked = np.flatnonzero(log.labels == 1.0)
    late = liked + np.random.default_rng(seed).exponential(delay, len(liked))
    came = late < count
    order = np.argsort(np.concatenate([rows, late[came]]), kind="stable")
    labels = np.concatenate([np.zeros(count), np.ones(came.sum())]).astype(np.float32)
    is_shown = np.arange(len(order)) < count
    return Stream(np.concatenate([rows, liked[came]])[order], labels[order], is_shown[order])


def ranker(delayed: Delayed, seed: int) -> Ranker:
    """The same network and first weights for each loss."""
    keras.utils.set_random_seed(seed)
    network = dcn_v2(FIELDS, hidden=(64, 32))
    parts = split(network)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad(0.05)}, Policy(admit_after=1))
    tasks = Tasks((Task("like"),), delayed=(delayed,))
    return Ranker(network, parts, tables, keras.optimizers.Adam(0.003), tasks=tasks)


def batches(log: Log, stream: Stream) -> Iterator[tuple[np.ndarray, Batch]]:
    """(places in the stream, what a step learns from)."""
    for start in range(0, len(stream.rows), BATCH):
        at = np.arange(start, min(start + BATCH, len(stream.rows)))
        rows, labels = stream.rows[at], stream.labels[at]
        inputs = {"user_id": log.users[rows], "item_id": log.items[rows]}
        ones, shown = np.ones(len(at), np.float32), np.ones(len(at), bool)
        yield at, Batch(inputs, labels, ones, labels > 0.5, is_shown=shown)


def figures(log: Log, delay: float, name: str, delayed: Delayed, seed: int) -> np.ndarray:
    """(3,) AUC, log loss and calibration of what was scored when it was shown, second half."""
    stream = stream_of(log, delay, seed, is_oracle=name == "oracle")
    learner, scores = ranker(delayed, seed), np.full(len(log.labels), np.nan)
    for at, batch in batches(log, stream):
        shown = stream.is_shown[at]
        scores[stream.rows[at[shown]]] = learner.learn(batch).scores[shown]
    half = len(scores) // 2
    rows = Scored(log.labels[half:], scores[half:])
    metrics = (Auc(4096), LogLoss(), Calibration())
    for metric in metrics:
        metric.update(rows)
    return np.array([metric.result() for metric in metrics])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=Path, help="ratings.dat of MovieLens-1M")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--delay", type=float, default=20_000, help="mean delay in rows")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    log = read(options.ratings, options.rows) if options.ratings else made(options.rows)
    print(f"{len(log.labels):,} shown, {log.labels.mean():.3f} liked, delay {options.delay:,.0f}")
    found = {
        name: np.array(
            [figures(log, options.delay, name, delayed, seed) for seed in range(options.seeds)]
        )
        for name, delayed in VARIANTS
    }
    oracle, plain = found["oracle"].mean(0), found["none"].mean(0)
    print("loss     AUC            log loss       calibration  AUC gap closed  log loss gap closed")
    for name, each in found.items():
        mean, spread = each.mean(0), each.std(0)
        closed = (mean - plain)[:2] / (oracle - plain)[:2]
        print(
            f"{name:8} {mean[0]:.4f} ±{spread[0]:.4f} {mean[1]:.4f} ±{spread[1]:.4f} "
            f"{mean[2]:11.3f}  {closed[0] + 0.0:14.2f}  {closed[1] + 0.0:19.2f}"
        )


if __name__ == "__main__":
    main()
