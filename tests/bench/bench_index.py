"""Searches in clusters beside exact ones: their time, what they find, and what an item costs.

    python tests/bench/bench_index.py [--items 1000000] [--k 400]

Vectors are drawn around 500 points, .7 of a standard deviation wide in each of 32 numbers. Queries
are drawn around items, as those of users who have met some, and anywhere. CPU time of one process.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from serving.retrieval.clusters import sample
from serving.retrieval.item_index import ItemIndex

DIM, POINTS, WIDTH = 32, 500, 0.7
SHARES = (0.02, 0.05, 0.1, 0.2)
QUERIES, ADDED = 20, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--k", type=int, default=400)
    options = parser.parse_args()
    rng, items = np.random.default_rng(0), options.items
    points = rng.normal(size=(POINTS, DIM)).astype(np.float32)
    vectors = points[rng.integers(POINTS, size=items)] + _noise(rng, items)
    begun = time.process_time()
    clusters = ItemIndex(DIM)
    clusters.cluster(vectors[sample(np.arange(items))])
    print(f"{items:,} items; centres {time.process_time() - begun:.2f} s CPU", end=", ")
    begun = time.process_time()
    clusters.put(np.arange(items), vectors)
    print(f"an item {(time.process_time() - begun) / items * 1e6:.1f} us in bulk", end=", ")
    clusters.put(np.array([items + ADDED]), vectors[:1])  # the arrays have grown
    begun = time.process_time()
    for number in range(ADDED):
        clusters.put(np.array([items + number]), vectors[[number]])
    print(f"{(time.process_time() - begun) / ADDED * 1e6:.0f} us alone")
    near = vectors[rng.integers(items, size=QUERIES)] + _noise(rng, QUERIES)
    anywhere = rng.normal(size=(QUERIES, DIM)).astype(np.float32)
    for name, queries in (("near items", near), ("anywhere", anywhere)):
        _report(clusters, name, queries, options.k)


def _report(index: ItemIndex, name: str, queries: np.ndarray, k: int) -> None:
    begun = time.process_time()
    best = [index.exact(query, k)[0] for query in queries]
    print(f"queries {name}: exact {_each_ms(begun):.1f} ms")
    for share in SHARES:
        index._share = share
        begun = time.process_time()
        found = [index.search(query, k)[0] for query in queries]
        took_ms = _each_ms(begun)
        recall = np.mean([np.isin(a, b).mean() for a, b in zip(best, found, strict=True)])
        print(f"  share {share:.2f}: {took_ms:.1f} ms, recall {recall:.3f}")


def _each_ms(begun: float) -> float:
    return (time.process_time() - begun) / QUERIES * 1e3


def _noise(rng: np.random.Generator, count: int) -> np.ndarray:
    return WIDTH * rng.normal(size=(count, DIM)).astype(np.float32)


if __name__ == "__main__":
    main()
