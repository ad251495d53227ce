"""Counts of all events in the online store, of the domain of this process: a program of its own.

    MILLSTREAM_PROJECT=DIR python -m tests.bench.change.counts TIME USERS ITEMS

Prints, as JSON by feature, its half-life in seconds and the sum over all users, or items, as of a
time.
"""

import json
import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from features.as_of import as_of
from features.spec import ITEM_STATS, USER_STATS, features_of
from features.stores.redis_online import RedisOnlineStore
from millstream.redis_clients import redis_client
from millstream.settings import settings


def found(time_s: float, sizes: list[int]) -> Iterator[tuple[str, tuple[float, float]]]:
    """(feature, (half-life, sum)) of each count of events."""
    own = settings()
    views = (USER_STATS, ITEM_STATS)
    ids = [
        [f"{view.entity[0]}{n}" for n in range(size)]
        for view, size in zip(views, sizes, strict=True)
    ]
    with redis_client(own.redis_url) as client:
        store = RedisOnlineStore(client, own.feast_project)
        tables = store.read(list(zip(views, ids, strict=True)))
    for view, table in zip(views, tables, strict=True):
        counts = [f for f in features_of(view) if f.counts == "events"]
        names = [f"{view.entity}_updated_at", *(f.name for f in counts)]
        columns = {name: _numbers(table, name) for name in names}
        moved = as_of(columns, view.entity, time_s)
        for feature in counts:
            yield (
                feature.name,
                (float(feature.half_life_s or 0.0), float(moved[feature.name].sum())),
            )


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return np.array([value or 0.0 for value in table[name].to_pylist()], np.float64)


if __name__ == "__main__":
    print(json.dumps(dict(found(float(sys.argv[1]), [int(n) for n in sys.argv[2:4]]))))
