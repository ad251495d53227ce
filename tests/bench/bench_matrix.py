"""Models of a matrix beside the libraries that people use for them: quality, and seconds.

    python tests/bench/bench_matrix.py --data FILE --rival RIVAL/bin/python --seeds 3

ALS and BPR beside implicit, item2vec beside gensim, which have an environment of their own:

    python -m venv RIVAL && RIVAL/bin/pip install implicit gensim

FILE holds `user item` or `user item time` lines, or is `ml-100k`. ALS and BPR learn all but the
last two items of each user, and are asked for the last one among all items that the user has not
had: the same options on both sides (32 factors; confidence 1 + 10, penalty 10, 15 rounds; BPR 50
epochs at 0.05 with a penalty of 0.01). item2vec learns the lists of four fifths of the users, in
random order, 10 epochs, 5 negatives, and about 10 pairs of each item; it is asked for the rest of
the lists of a tenth. `words/s` counts items times epochs; `alike` is how much of the ten nearest
items of each both sides share, and in brackets two seeds of gensim. One thread; seconds are CPU
seconds of fitting. Prints a table in Markdown.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean, stdev

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from models.collaborative.als import ImplicitAls
from models.collaborative.bpr import Bpr
from models.collaborative.item2vec import Item2Vec
from models.evaluation.lists import interactions
from models.evaluation.lists.full_corpus import full_corpus
from models.evaluation.lists.matrices import MatrixLists, matrix_of
from models.evaluation.lists.protocols import Protocol
from models.evaluation.lists.runs import parts_of

RIVALS = Path(__file__).parent / "rivals"
Model = ImplicitAls | Bpr | Item2Vec


class Rival:
    """A library's fit in its own environment.

    Args:
        python: of the environment.
        script: of `rivals`.
        found: what is learnt from.
        folder: for files.
    """

    def __init__(self, python: str, script: str, found: Protocol, folder: Path) -> None:
        self.command, self.folder = [python, str(RIVALS / script)], folder
        train, items = found.train, found.test.items
        np.savez(folder / "lists.npz", starts=train.starts, values=train.values, items=items)

    def fit(self, name: str, seed: int) -> tuple[dict[str, np.ndarray], float]:
        """What it learnt, and its CPU seconds."""
        out = self.folder / "fitted.npz"
        given = [name, str(seed), str(self.folder / "lists.npz"), str(out)]
        done = subprocess.run([*self.command, *given], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        with np.load(out) as held:
            arrays = {key: held[key] for key in held.files}
        return arrays, float(arrays.pop("seconds"))


def ours(model: Model, found: Protocol) -> float:
    """CPU seconds of fitting."""
    matrix, began = matrix_of(found.train, found.test.items), time.process_time()
    model.fit(matrix)
    return time.process_time() - began


def figure(model: Model, found: Protocol, name: str) -> float:
    """A figure of the model's lists."""
    lists = full_corpus(MatrixLists(model).scorer(found.test), found.test, ks=(10, 100))
    return lists.values[name]


def factors(found: Protocol, rival: Rival, seeds: int) -> None:
    """Lines of ALS and BPR."""
    for name, kind in (("als", ImplicitAls), ("bpr", Bpr)):
        cells: dict[str, list[tuple[float, float]]] = {"ours": [], "implicit": []}
        for seed in range(seeds):
            model = kind(seed=seed)
            seconds = ours(model, found)
            cells["ours"].append((figure(model, found, "ndcg@10"), seconds))
            arrays, seconds = rival.fit(name, seed)
            model.users, model.items = arrays["users"], arrays["items"]
            if isinstance(model, Bpr):
                model.bias = arrays["bias"]
            cells["implicit"].append((figure(model, found, "ndcg@10"), seconds))
        for who, runs in cells.items():
            reached, cost = zip(*runs, strict=True)
            print(f"| `{name}`, {who} | {told(reached)} | {fmean(cost):.1f} |", flush=True)


def vectors(found: Protocol, rival: Rival, seeds: int) -> None:
    """Lines of item2vec."""
    rows: dict[str, list[tuple[float, float]]] = {"ours": [], "gensim": []}
    words, near = 10 * len(found.train.values), []
    other = Item2Vec()
    other.vectors = rival.fit("item2vec", seeds)[0]["vectors"]
    for seed in range(seeds):
        model, theirs = Item2Vec(seed=seed), Item2Vec()
        seconds = ours(model, found)
        arrays, cost = rival.fit("item2vec", seed)
        theirs.vectors = arrays["vectors"]
        for who, each, took in (("ours", model, seconds), ("gensim", theirs, cost)):
            rows[who].append((figure(each, found, "ndcg@100"), words / took))
        near.append((alike(model, theirs, found), alike(other, theirs, found)))
    both, itself = np.mean(near, axis=0)
    for who, runs in rows.items():
        reached, speed = zip(*runs, strict=True)
        print(f"| `item2vec`, {who} | {told(reached)} | {fmean(speed):,.0f} words/s |")
    print(f"alike: {both:.2f} ({itself:.2f})")


def alike(one: Item2Vec, other: Item2Vec, found: Protocol, k: int = 10) -> float:
    """Share of the ten nearest that both have, of the items that were met 50 times and more."""
    counts = np.bincount(found.train.values, minlength=found.test.items)
    shares = [
        np.isin(one.similar(item, k), other.similar(item, k)).mean()
        for item in np.flatnonzero(counts >= 50).tolist()
    ]
    return float(np.mean(shares))


def told(values: tuple[float, ...]) -> str:
    """Mean and spread."""
    return f"{fmean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--data", required=True)
    arguments.add_argument("--rival", required=True, help="Python that has implicit and gensim")
    arguments.add_argument("--seeds", type=int, default=3)
    chosen = arguments.parse_args()
    log = interactions.load(chosen.data)
    print("| model | NDCG@10, of item2vec @100 | CPU s |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        last = parts_of(log, "leave-one-out")
        factors(last, Rival(chosen.rival, "implicit_fit.py", last, place), chosen.seeds)
        strangers = parts_of(log, "strong")
        rival = Rival(chosen.rival, "gensim_fit.py", strangers, place)
        vectors(strangers, rival, chosen.seeds)


if __name__ == "__main__":
    main()
