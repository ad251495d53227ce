"""What a serving worker's items cost: memory, loading, swaps, and the time of a list.

    python tests/bench/bench_items.py [--items 10000 100000 1000000] [--traced]

Each size runs in a process of its own, without broker or Redis: titles of four words, two
categories and a year (the domain films), default models, a vector for each item. Memory is what the
process has grown by (RSS); `--traced` adds what Python and NumPy allocated for the catalogue
(tracemalloc, which makes loading slow). A delta carries 10,000 rows of every table. Lists are made
one after the other in this process: no HTTP, no Kafka, an unknown user.
"""

import argparse
import asyncio
import gc
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from millstream.clock import SystemClock
from millstream.events import ItemUpsert
from millstream.ids import id64_array
from millstream.snapshots import SnapshotReader
from serving.catalogue.catalogue import Catalogue
from serving.metrics import Metrics
from serving.model.loader import Loader
from serving.model.served import ServedModel
from serving.recommend.options import ListOptions
from serving.recommend.query import Query
from serving.recommend.recommender import Dependencies, Recommender
from serving.retrieval.rankings import Rankings
from tests.bench.bench_recommend import MODELS, catalogue
from tests.support.served_snapshots import SnapshotMaker
from tests.support.serving_cases import FakeUsers

SIZES = (10_000, 100_000, 1_000_000)
CHUNK = 500
DELTA_OF = 30_000  # ids, a third of which a delta changes
LISTS = 100


class Watch:
    """Wall time, CPU time and memory since it was made."""

    def __init__(self) -> None:
        gc.collect()
        self._wall, self._cpu, self._rss = time.perf_counter(), time.process_time(), _rss()

    def said(self, what: str, items: int) -> None:
        """Print them."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        gc.collect()
        grown = _rss() - self._rss
        print(
            f"  {what:<28} {wall:8.2f} s, CPU {cpu:8.2f} s = {cpu / items * 1e6:7.1f} us an item, "
            f"memory {grown / items:+7.0f} B an item"
        )


def filled(count: int) -> Catalogue:
    """A catalogue of `count` items that came as JSON, as from Kafka."""
    found = Catalogue()
    for start in range(0, count, CHUNK):
        upserts = catalogue(min(CHUNK, count - start), start)
        sent = [msgspec.json.encode(upsert) for upsert in upserts]
        found.upsert([msgspec.json.decode(each, type=ItemUpsert) for each in sent])
    return found


def measured(count: int, is_traced: bool, folder: Path) -> None:
    if is_traced:
        tracemalloc.start()
    watch = Watch()
    items = filled(count)
    watch.said("catalogue", count)
    if is_traced:
        print(f"  traced: {tracemalloc.get_traced_memory()[0] / count:.0f} B an item")
        return
    ids = id64_array(items.item_ids())
    maker = SnapshotMaker(folder, ids, MODELS)
    maker.write(1)
    maker.ids = ids[:DELTA_OF]
    maker.write(2, parent=1)
    loader = Loader(SnapshotReader(folder), items, SystemClock(), share=1.0)
    watch = Watch()
    first = loader.load(1)
    watch.said("tables and vectors", count)
    watch = Watch()
    second = loader.load(2, first)
    watch.said("a delta, the tower stays", count)
    asyncio.run(lists(items, second))


async def lists(items: Catalogue, model: ServedModel) -> None:
    """Time lists, searches, and the way of a new item into the index."""
    rankings, rng = Rankings(items), np.random.default_rng(1)
    dependencies = Dependencies(
        items, rankings, FakeUsers(), lambda: model, lambda _: None, Metrics(), SystemClock()
    )
    recommender = Recommender(dependencies, ListOptions(budget_s=60.0))
    seconds = []
    for number in range(LISTS):
        begun = time.perf_counter()
        made = await recommender.recommend(Query(f"u{number}", 20))
        seconds.append(time.perf_counter() - begun)
        assert not made.degraded, made.degraded
    recommender.close()
    _said("a list", seconds)
    assert model.retriever is not None
    index, mask = model.retriever.index, items.shown
    queries = rng.normal(size=(LISTS, index.dim)).astype(np.float32)
    _said("a search, k = 400", [_timed(index.search, each, 400, mask) for each in queries])

    def added(upsert: ItemUpsert) -> None:
        rows = items.upsert([upsert])
        assert model.retriever is not None
        model.retriever.add(items, rows, time.time())

    new = catalogue(LISTS, len(items) + 1)
    _said("a new item, to retrievable", [_timed(added, each) for each in new])


def _timed(call: Callable[..., object], *given: Any) -> float:
    begun = time.perf_counter()
    call(*given)
    return time.perf_counter() - begun


def _said(what: str, seconds: list[float]) -> None:
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
    print(f"  {what:<28} p50 {p50:8.2f} ms, p99 {p99:8.2f} ms")


def _rss() -> int:
    return int(psutil.Process().memory_info().rss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=SIZES)
    parser.add_argument("--traced", action="store_true")
    parser.add_argument("--one", type=int, help="one size in this process")
    options = parser.parse_args()
    if options.one:
        with tempfile.TemporaryDirectory() as folder:
            measured(options.one, options.traced, Path(folder))
        return
    for size in options.items:
        print(f"{size:,} items", flush=True)
        more = ["--traced"] if options.traced else []
        subprocess.run([sys.executable, __file__, "--one", str(size), *more], check=True)


if __name__ == "__main__":
    main()
