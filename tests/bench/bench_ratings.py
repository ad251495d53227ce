"""Ratings as numbers: RMSE of rankers on a random quarter of MovieLens-1M that they did not learn.

    python tests/bench/bench_ratings.py fm deepfm --ratings ml-1m/ratings.dat --seeds 3

Users and films by their ids alone; squared error of the distance to the mean, Adam, embedding rows
under a penalty, in epochs until a twentieth of the training rows gains no more. Prints the mean and
spread over seeds, of which each draws its own quarter, and the seconds.
"""

import argparse
import sys
import time
from pathlib import Path
from statistics import fmean, stdev

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from models.catalogue import build
from models.fields import Field
from models.layers.field_embedding import FieldEmbedding
from models.multi_task.balance import Fixed
from models.multi_task.learner import MultiTaskLearner
from models.task_names import tasks_of

TASKS = ("stars:regression",)
Columns = dict[str, np.ndarray]


def rows_of(path: Path) -> tuple[Columns, np.ndarray]:
    """User and film of each line, from 1, and the stars."""
    cells = [line.split("::")[:3] for line in path.read_text("latin-1").splitlines()]
    users, films, stars = np.array(cells, np.int64).T
    numbers = (np.unique(each, return_inverse=True)[1] + 1 for each in (users, films))
    return dict(zip(("user_id", "item_id"), numbers, strict=True)), stars.astype(np.float32)


def learner_of(name: str, x: Columns, chosen: argparse.Namespace, seed: int) -> MultiTaskLearner:
    """The model with one number as its output."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    fields = [
        Field(
            side + "_id", width=chosen.width, rows=int(x[side + "_id"].max()) + 1, belongs_to=side
        )
        for side in ("user", "item")
    ]
    network = build(name, fields)
    for layer in network.layers:
        if isinstance(layer, FieldEmbedding):
            layer.embeddings.regularizer = keras.regularizers.L2(chosen.l2)
    model = keras.Model(network.input, {"stars": network.output})
    return MultiTaskLearner(
        model, tasks_of(TASKS), Fixed([1.0]), learning_rate=chosen.learning_rate,
        batch_size=chosen.batch_size, seed=seed,
    )  # fmt: skip


def reached(
    name: str, x: Columns, stars: np.ndarray, chosen: argparse.Namespace, seed: int
) -> float:
    """The RMSE on the quarter, of the epoch that was best on the validation rows."""
    order = np.random.default_rng(seed).permutation(len(stars))
    test, rest = np.split(order, [len(order) // 4])
    valid, train = np.split(rest, [len(rest) // 20])
    mean = stars[train].mean()
    parts = [({n: c[rows] for n, c in x.items()}, {"stars": stars[rows] - mean})
             for rows in (train, valid, test)]  # fmt: skip
    learner, worse = learner_of(name, x, chosen, seed), 0
    best: tuple[float, ...] = (np.inf, np.inf)
    while worse < chosen.patience:
        learner.fit(*parts[0])
        found = tuple(learner.figures(*part)["stars"]["rmse"] for part in parts[1:])
        worse = 0 if found < best else worse + 1
        best = min(best, found)
    return best[1]


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("models", nargs="+", metavar="MODEL")
    arguments.add_argument("--ratings", type=Path, required=True)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--width", type=int, default=16)
    arguments.add_argument("--l2", type=float, default=1e-5)
    arguments.add_argument("--learning-rate", type=float, default=2e-3)
    arguments.add_argument("--batch-size", type=int, default=1024)
    arguments.add_argument("--patience", type=int, default=2)
    chosen = arguments.parse_args()
    x, stars = rows_of(chosen.ratings)
    print("| model | RMSE | s |\n|---|---|---|")
    for name in chosen.models:
        began = time.perf_counter()
        found = [reached(name, x, stars, chosen, seed) for seed in range(chosen.seeds)]
        spread = f" ± {stdev(found):.4f}" if len(found) > 1 else ""
        seconds = (time.perf_counter() - began) / len(found)
        print(f"| `{name}` | {fmean(found):.4f}{spread} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
