"""Rows of views with random values, for the stores' tests."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from features.feature import Feature, View
from features.spec import features_of
from features.stores.schema import view_schema


def feature_rows(
    view: View, ids: Sequence[str], times: Sequence[float], seed: int = 0, first_source: int = 0
) -> pa.Table:
    """One row per id, as of its time, caused by events of partition 0 from `first_source` on."""
    rng = np.random.default_rng(seed)
    schema = view_schema(view)
    count = len(ids)
    moments = np.rint(np.asarray(times, np.float64) * 1e6).astype(np.int64)
    columns: dict[str, Sequence[Any]] = {
        view.key: list(ids),
        **{feature.name: _values(feature, count, rng) for feature in features_of(view)},
        "event_timestamp": moments.tolist(),
        "created": (moments + 1).tolist(),
        "source_partition": [0] * count,
        "source_offset": range(first_source, first_source + count),
    }
    return pa.table([_array(columns[field.name], field.type) for field in schema], schema)


def _values(feature: Feature, count: int, rng: np.random.Generator) -> list[Any]:
    match feature.dtype:
        case "string":
            return [f"näme {number}" for number in rng.integers(0, 1000, count)]
        case "string_list":
            sizes = rng.integers(0, (feature.length or 0) + 1, count)
            return [[f"entry {n}" for n in rng.integers(0, 50, size)] for size in sizes]
        case "float32_list" | "float64_list":
            sizes = rng.integers(0, (feature.length or 0) + 1, count)
            return [rng.random(size).astype(np.float32).tolist() for size in sizes]
        case _:
            return (rng.random(count) * 1000).astype(feature.dtype).tolist()


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)
