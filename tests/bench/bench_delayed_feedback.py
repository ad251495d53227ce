"""What delays of positives cost, and how much of it the losses of delayed feedback win back.

    python tests/bench/bench_delayed_feedback.py [--ratings ml-1m/ratings.dat] [--rows 200000]

A log of shown items with their true labels: ratings of MovieLens-1M by item, gender, age and
occupation, liked from 4 stars on, or a made one. Delays are imposed: an item is a negative when it
is shown, and a positive comes so many rows later, exponentially distributed with mean `--delay`.
The same ranker learns from that stream by each loss, and, as the oracle, from true labels at once;
all score each item when it is shown. `es_dfm`, and `waited` with the log loss beside it, learn
of an item only after `--wait` mean delays, as what it is by then. Over the second half: AUC, log
loss and mean score over mean label against the true labels, and the share of the gap between `none`
and the oracle that a loss closes.
"""

import argparse
import os
import sys
from collections.abc import Sequence
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
WIDTH = 16
MADE_USERS, MADE_ITEMS, MADE_RATE = 2_000, 500, 0.3
VARIANTS: tuple[tuple[str, Delayed], ...] = (
    ("oracle", "none"),
    ("none", "none"),
    ("fnw", "fnw"),
    ("fnc", "fnc"),
    ("waited", "none"),
    ("es_dfm", "es_dfm"),
)
# Those that wait a share of the mean delay first.
WAIT = ("waited", "es_dfm")


class Log(NamedTuple):
    """Shown items in their order.

    Args:
        inputs: (rows,) ids by field.
        labels: (rows,) 1.0 where the item was liked.
    """

    inputs: dict[str, np.ndarray]
    labels: np.ndarray


def read(ratings: Path, rows: int) -> Log:
    """The first ratings by time, with what `users.dat` beside them says of the people.

    A person rates within an hour and never comes again, so that no delayed label of theirs could
    help them: their ids would tell the oracle alone, and are left out.
    """
    table = _numbers(ratings)
    table = table[np.argsort(table[:, 3], kind="stable")][:rows]
    people = {
        int(user): (1 + (gender == "F"), int(age), 1 + int(occupation))
        for user, gender, age, occupation, _ in _cells(ratings.with_name("users.dat"))
    }
    of_users = np.array([people[user] for user in table[:, 0].tolist()], np.int64)
    inputs = dict(zip(("gender", "age", "occupation"), of_users.T, strict=True))
    return Log({"item_id": table[:, 1], **inputs}, (table[:, 2] >= LIKED_FROM).astype(np.float32))


def _cells(file: Path) -> list[list[str]]:
    return [line.split("::") for line in file.read_text(encoding="latin-1").splitlines()]


def _numbers(file: Path) -> np.ndarray:
    text = file.read_text(encoding="latin-1").replace("::", " ")
    return np.array(text.split(), np.int64).reshape(-1, 4)


def made(rows: int) -> Log:
    """Users and items with odds of their own."""
    rng = np.random.default_rng(0)
    users, items = rng.integers(1, MADE_USERS, rows), rng.integers(1, MADE_ITEMS, rows)
    odds = rng.normal(size=MADE_USERS)[users] + rng.normal(size=MADE_ITEMS)[items]
    chances = 1.0 / (1.0 + np.exp(-odds - np.log(MADE_RATE / (1 - MADE_RATE))))
    labels = (rng.random(rows) < chances).astype(np.float32)
    return Log({"user_id": users, "item_id": items}, labels)


class Stream(NamedTuple):
    """Examples in the order in which they come; (examples,) each.

    Args:
        rows: of the log.
        labels: as they come.
        is_late: whether it is a correction of what was a negative.
        times: when they come, in rows of the log.
    """

    rows: np.ndarray
    labels: np.ndarray
    is_late: np.ndarray
    times: np.ndarray


def stream_of(log: Log, delay: float, wait: float, seed: int, *, is_oracle: bool) -> Stream:
    """The examples of a log; what comes after its end is not there."""
    rows, count = np.arange(len(log.labels)), len(log.labels)
    if is_oracle:
        return Stream(rows, log.labels, np.zeros(count, bool), rows.astype(float))
    after = np.random.default_rng(seed).exponential(delay, count)
    is_liked = log.labels == 1.0
    in_time, late = is_liked & (after <= wait), np.flatnonzero(is_liked & (after > wait))
    times = np.concatenate([rows + np.where(in_time, after, wait), late + after[late]])
    labels = np.concatenate([in_time, np.ones(len(late))]).astype(np.float32)
    order = np.argsort(times, kind="stable")
    order = order[times[order] < count]
    of_rows = np.concatenate([rows, late])
    return Stream(of_rows[order], labels[order], order >= count, times[order])


def ranker(fields: Sequence[str], delayed: Delayed, seed: int) -> Ranker:
    """The same network and first weights for each loss."""
    keras.utils.set_random_seed(seed)
    network = dcn_v2([Field(name, width=WIDTH) for name in fields], hidden=(64, 32))
    parts = split(network)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad(0.05)}, Policy(admit_after=1))
    tasks = Tasks((Task("like"),), delayed=(delayed,))
    return Ranker(network, parts, tables, keras.optimizers.Adam(0.003), tasks=tasks)


def batch_of(log: Log, stream: Stream, at: slice) -> Batch:
    """Examples that a step learns from."""
    rows, labels = stream.rows[at], stream.labels[at]
    return Batch(
        {name: column[rows] for name, column in log.inputs.items()},
        labels,
        np.ones(len(rows), np.float32),
        labels > 0.5,
        is_shown=np.ones(len(rows), bool),
        is_late=stream.is_late[at],
    )


def figures(
    log: Log, delay: float, wait: float, name: str, delayed: Delayed, seed: int
) -> np.ndarray:
    """(3,) AUC, log loss and calibration of what was scored when it was shown, second half."""
    stream = stream_of(log, delay, wait, seed, is_oracle=name == "oracle")
    learner, count = ranker(list(log.inputs), delayed, seed), len(log.labels)
    shown = Stream(np.arange(count), log.labels, np.zeros(count, bool), np.arange(count))
    scores = np.full(count, np.nan)
    for start in range(0, count, BATCH):
        rows = slice(start, min(start + BATCH, count))
        scores[rows] = learner.score(batch_of(log, shown, rows))
        came = slice(*np.searchsorted(stream.times, (start, start + BATCH)))
        if came.start < came.stop:
            learner.learn(batch_of(log, stream, came))
    half = count // 2
    scored = Scored(log.labels[half:], scores[half:])
    metrics = (Auc(4096), LogLoss(), Calibration())
    for metric in metrics:
        metric.update(scored)
    return np.array([metric.result() for metric in metrics])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=Path, help="ratings.dat of MovieLens-1M")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--delay", type=float, default=20_000, help="mean delay in rows")
    parser.add_argument("--wait", type=float, default=0.5, help="as a share of the mean delay")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    log = read(options.ratings, options.rows) if options.ratings else made(options.rows)
    wait = options.wait * options.delay
    print(
        f"{len(log.labels):,} shown, {log.labels.mean():.3f} liked, mean delay "
        f"{options.delay:,.0f} rows; {', '.join(WAIT)} wait {wait:,.0f}"
    )
    found = {
        name: np.array(
            [
                figures(log, options.delay, wait * (name in WAIT), name, delayed, seed)
                for seed in range(options.seeds)
            ]
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
