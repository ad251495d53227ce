"""The online store against Feast's own, on one Redis, in one run.

    python tests/bench/bench_online_store.py
    python tests/bench/bench_online_store.py --redis-url redis://127.0.0.1:6379/0  # gets emptied

Written: rows of `user_stats`, in batches. Read: rows of `user_stats`, then of both views of items.
Feast reads with `get_online_features(...)`, alone and with `.to_dict()`; we read Arrow columns.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import redis

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from deploy.local import local_services
from features.feature import View
from features.spec import ITEM_ATTRIBUTES, ITEM_STATS, USER_STATS, features_of
from features.stores.redis_online import RedisOnlineStore
from tests.support.feast_repository import FeastRepository
from tests.support.feature_rows import feature_rows

PROJECT = "millstream"
ROWS = 2000
READS = (1, 100, 500)


def milliseconds(work: Callable[[], object], repeats: int) -> str:
    """Median and 90th percentile of `repeats` calls, after one to warm up."""
    work()
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        took.append(1e3 * (time.perf_counter() - began))
    slow = statistics.quantiles(took, n=10)[-1]
    return f"{statistics.median(took):8.2f} ms  (p90 {slow:.2f})"


def rows_per_second(work: Callable[[], object], rows: int, repeats: int) -> str:
    """Median rate of `repeats` calls that handle `rows` each."""
    rates = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        rates.append(1e-3 * rows / (time.perf_counter() - began))
    median, slow, fast = statistics.median(rates), min(rates), max(rates)
    return f"{median:8.1f} k rows/s  ({slow:.1f} to {fast:.1f})"


def later(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows a second later: Feast skips rows that are not newer than the stored ones."""
    frame["event_timestamp"] += pd.Timedelta(seconds=1)
    return frame


def bench_writing(feast: Any, ours: RedisOnlineStore) -> None:
    """Writing `ROWS` rows of one view."""
    ids = [str(number) for number in range(ROWS)]
    rows = feature_rows(USER_STATS, ids, [1e9] * ROWS)
    frame = rows.drop_columns(["source_partition", "source_offset"]).to_pandas()
    width = len(features_of(USER_STATS))
    print(f"write {ROWS} rows of {width} features")
    print("  ours ", rows_per_second(lambda: ours.write(USER_STATS, rows), ROWS, 10))
    work = lambda: feast.write_to_online_store("user_stats", later(frame))  # noqa: E731
    print("  Feast", rows_per_second(work, ROWS, 5))


def bench_reading(feast: Any, ours: RedisOnlineStore, views: tuple[View, ...]) -> None:
    """Reading rows of some views of one entity."""
    ids = [str(number) for number in range(ROWS)]
    names = [f"{view.name}:{feature.name}" for view in views for feature in features_of(view)]
    for view in views:
        ours.write(view, feature_rows(view, ids, [1e9] * ROWS))
    for count in READS:
        some = ids[:count]
        entities = [{views[0].key: entity_id} for entity_id in some]
        ask = lambda: feast.get_online_features(names, entities)  # noqa: B023, E731
        print(f"read {count} rows of {len(names)} features ({' + '.join(v.name for v in views)})")
        requests = [(view, some) for view in views]
        print("  ours            ", milliseconds(lambda: ours.read(requests), 50))  # noqa: B023
        print("  Feast           ", milliseconds(ask, 10))
        print("  Feast, to_dict()", milliseconds(lambda: ask().to_dict(), 10))  # noqa: B023


def run(folder: Path, redis_url: str) -> None:
    """Every comparison, on an emptied Redis."""
    repository = FeastRepository(folder, redis_url)
    applied = repository.feast("apply")
    if applied.returncode != 0:
        raise SystemExit(applied.stdout + applied.stderr)
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        ours, feast = RedisOnlineStore(client, PROJECT), repository.store()
        bench_writing(feast, ours)
        bench_reading(feast, ours, (USER_STATS,))
        bench_reading(feast, ours, (ITEM_STATS, ITEM_ATTRIBUTES))


def main() -> None:
    """Parse the arguments, and start a Redis unless there is one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--redis-url", help="a Redis database to use, which is emptied")
    chosen = parser.parse_args().redis_url
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen:
            run(folder, chosen)
        else:
            with local_services(folder / "services") as services:
                run(folder, services.redis_url)


if __name__ == "__main__":
    main()
