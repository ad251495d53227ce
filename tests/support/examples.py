"""Messages of the topic `examples` with a planted pattern: what a trainer must find out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from features.feature import Feature
from features.rows import arrow_type
from features.spec import FEATURES
from millstream.batches import encode_table

START_S = 1_000_000_000.0
TASTES = 3


def example_message(
    number: int,
    rows: int,
    *,
    users: int = 200,
    items: int = 100,
    source_topic: str = "interactions",
    partition: int = 0,
    changes: Mapping[str, Any] | None = None,
) -> bytes:
    """Message `number` of a stream in which every message has `rows` rows.

    A user likes the items of its taste: `user % TASTES == item % TASTES`, but for one row in ten.

    Args:
        changes: columns to put in place of the made ones.
    """
    rng = np.random.default_rng(number)
    user, item = rng.integers(0, users, rows), rng.integers(0, items, rows)
    item = np.where(rng.random(rows) < 0.4, item // TASTES * TASTES + user % TASTES, item)
    likes = (user % TASTES == item % TASTES) ^ (rng.random(rows) < 0.1)
    offsets = number * rows + np.arange(rows)
    head = {
        "event_id": pa.array([f"event-{offset}" for offset in offsets]),
        "source_partition": pa.array(np.full(rows, partition), pa.int32()),
        "source_offset": pa.array(offsets),
        "row": pa.array(np.zeros(rows), pa.int16()),
        "event_time": pa.array(START_S + offsets),
        "published_at": pa.array(np.full(rows, START_S)),
        "user_id": pa.array([f"u{each}" for each in user]),
        "item_id": pa.array([str(each) for each in item]),
        "label": pa.array(likes, pa.bool_()).cast(pa.float32()),
        "weight": pa.array(np.ones(rows), pa.float32()),
        "sampled_probability": pa.array(np.ones(rows), pa.float32()),
        "origin": pa.array(["organic"] * rows).dictionary_encode(),
        "propensity": pa.array(np.ones(rows), pa.float32()),
        "position": pa.array(np.full(rows, -1), pa.int16()),
        "is_probe": pa.array(np.zeros(rows, bool)),
    }
    features = {f.name: _feature(f, user if f.entity == "user" else item, rng) for f in FEATURES}
    table = pa.table({**head, **features, **dict(changes or {})})
    return encode_table(table, {"source_topic": source_topic})


def _feature(feature: Feature, of: np.ndarray, rng: np.random.Generator) -> pa.Array:
    kind = arrow_type(feature)
    if feature.dtype == "string":
        return pa.array([f"{feature.name}-{each % 7}" for each in of], kind)
    if feature.dtype == "string_list":
        lengths = rng.integers(0, (feature.length or 0) + 1, len(of))
        return pa.array([[str(n) for n in rng.integers(0, 50, k)] for k in lengths], kind)
    if feature.dtype in ("float32_list", "float64_list"):
        return pa.array([[1.0] * (feature.length or 0)] * len(of), kind)
    if feature.dtype == "int64":
        return pa.array(rng.integers(0, 5, len(of)), kind)
    if feature.dtype == "float64":  # a time
        return pa.array(np.full(len(of), START_S - 3_600.0), kind)
    return pa.array(rng.random(len(of)) * 0.3, kind)
